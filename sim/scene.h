// A compiled MuJoCo model and stable labels for everything in it. Immutable and shared between threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <mujoco/mujoco.h>

namespace reverie {

struct ModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
struct DataDeleter {
  void operator()(mjData* data) const { mj_deleteData(data); }
};
using ModelPtr = std::unique_ptr<mjModel, ModelDeleter>;
using DataPtr = std::unique_ptr<mjData, DataDeleter>;

class Scene {
 public:
  /// Loads MJCF, URDF or MJB. Includes, meshes and `package://` references resolve from the file's own
  /// folder, whatever the working directory. Sleeping is switched off, for MuJoCo cannot restore it from a
  /// state.
  /// @throws SceneError with MuJoCo's own message, or both versions of an MJB.
  static std::shared_ptr<const Scene> Load(const std::filesystem::path& file);
  /// From the bytes of an MJB, as a dataset keeps it; `origin` names it in messages.
  static std::shared_ptr<const Scene> FromMjb(const std::string& bytes, const std::string& origin);

  const mjModel* model() const { return model_.get(); }
  const std::string& origin() const { return origin_; }

  /// The compiled model as mj_saveModel writes it.
  std::string ToMjb() const;

  /// Name of an object, or where it has none `<type>_<id>` ("joint_3"; with a trailing "_" if a name took
  /// that).
  const std::string& Label(mjtObj type, int id) const;
  /// Id of a label. @throws SceneError that suggests near labels; `context` says who asks.
  int Find(mjtObj type, const std::string& label, const std::string& context) const;
  std::vector<std::string> Labels(mjtObj type) const;

  /// "shoulder" for a hinge, "ball.wx" for a degree of freedom of a free or ball joint.
  std::string DofLabel(int dof) const;

 private:
  explicit Scene(ModelPtr model, std::string origin);
  ModelPtr model_;
  std::string origin_;
  std::vector<std::vector<std::string>> labels_;  // [object type][id]
};

/// Version of the MuJoCo library in use, "3.17.0".
std::string MujocoVersion();

}  // namespace reverie
