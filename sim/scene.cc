#include "sim/scene.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/mujoco_messages.h"
#include "sim/urdf.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr int kMjbMagic = 54321;

int ObjectCount(const mjModel* model, mjtObj type) {
  switch (type) {
    case mjOBJ_BODY:
      return static_cast<int>(model->nbody);
    case mjOBJ_JOINT:
      return static_cast<int>(model->njnt);
    case mjOBJ_GEOM:
      return static_cast<int>(model->ngeom);
    case mjOBJ_SITE:
      return static_cast<int>(model->nsite);
    case mjOBJ_CAMERA:
      return static_cast<int>(model->ncam);
    case mjOBJ_LIGHT:
      return static_cast<int>(model->nlight);
    case mjOBJ_TENDON:
      return static_cast<int>(model->ntendon);
    case mjOBJ_ACTUATOR:
      return static_cast<int>(model->nactuator);
    case mjOBJ_SENSOR:
      return static_cast<int>(model->nsensor);
    case mjOBJ_EQUALITY:
      return static_cast<int>(model->neq);
    case mjOBJ_KEY:
      return static_cast<int>(model->nkey);
    case mjOBJ_MATERIAL:
      return static_cast<int>(model->nmat);
    default:
      return 0;
  }
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string VersionOf(int header) {
  return std::to_string(header / 1000000) + "." + std::to_string(header / 1000 % 1000) + "." +
         std::to_string(header % 1000);
}

// An MJB starts with five ints: magic, size of a number, two layout counts around the version.
void CheckMjbHeader(const std::string& bytes, const std::string& origin) {
  std::array<int, 5> header{};
  if (bytes.size() < sizeof(header)) {
    throw SceneError("scene " + origin + ": expected an MJB file, found " + std::to_string(bytes.size()) +
                     " bytes; it is truncated");
  }
  std::memcpy(header.data(), bytes.data(), sizeof(header));
  if (header[0] != kMjbMagic)
    throw SceneError("scene " + origin + ": not an MJB file (its first bytes are foreign)");
  const int ours = mj_version();
  const auto is_version = [](int number) { return number >= 3000000 && number < 100000000; };
  const auto found = std::find_if(header.begin() + 1, header.end(), is_version);
  if (found != header.end() && *found == ours) return;
  throw SceneError("scene " + origin + ": written by MuJoCo " +
                   (found != header.end() ? VersionOf(*found) : std::string("of an older format")) +
                   ", but this is MuJoCo " + VersionOf(ours) +
                   "; save it again from its MJCF with this version");
}

ModelPtr LoadMjbBytes(const std::string& bytes, const std::string& origin) {
  CheckMjbHeader(bytes, origin);
  MujocoMessages messages;
  ModelPtr model;
  try {
    model.reset(mj_loadModelBuffer(bytes.data(), static_cast<mjtSize>(bytes.size())));
  } catch (const Error& error) {
    throw SceneError("scene " + origin + ": " + OneLine(error.what()));
  }
  if (!model) {
    throw SceneError("scene " + origin + ": the MJB is damaged" +
                     (messages.text().empty() ? std::string() : ": " + OneLine(messages.text())));
  }
  return model;
}

ModelPtr LoadXml(const fs::path& file, std::string* message) {
  MujocoMessages messages;
  std::array<char, 2000> error{};
  ModelPtr model;
  try {
    model.reset(IsUrdf(file) ? LoadUrdf(file, error.data(), error.size())
                             : mj_loadXML(file.c_str(), nullptr, error.data(), error.size()));
  } catch (const Error& failure) {
    *message = OneLine(failure.what());
    return nullptr;
  }
  if (!model) *message = OneLine(error.data());
  return model;
}

}  // namespace

Scene::Scene(ModelPtr model, std::string origin) : model_(std::move(model)), origin_(std::move(origin)) {
  static_assert(sizeof(mjtNum) == sizeof(double), "Reverie is built on MuJoCo with double precision");
  // A diverging simulation is reported, not silently started again in the middle of an episode.
  model_->opt.disableflags |= mjDSBL_AUTORESET;
  // Which bodies sleep is no part of MuJoCo's integration state, so episodes could be neither restored nor
  // replayed.
  model_->opt.enableflags &= ~mjENBL_SLEEP;
  labels_.resize(mjNOBJECT);
  for (int type = 0; type < mjNOBJECT; ++type) {
    const int count = ObjectCount(model_.get(), static_cast<mjtObj>(type));
    std::set<std::string> names;
    for (int id = 0; id < count; ++id) {
      if (const char* name = mj_id2name(model_.get(), type, id); name && *name) names.insert(name);
    }
    for (int id = 0; id < count; ++id) {
      const char* name = mj_id2name(model_.get(), type, id);
      std::string label = name && *name ? name : std::string(mju_type2Str(type)) + "_" + std::to_string(id);
      if (!name || !*name) {
        while (names.contains(label)) label += "_";
      }
      labels_[type].push_back(std::move(label));
    }
  }
}

std::shared_ptr<const Scene> Scene::Load(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    throw SceneError("scene " + file.string() + ": no such file (expected an MJCF, URDF or MJB file)");
  }
  if (fs::is_directory(file, ignored)) {
    throw SceneError("scene " + file.string() + ": is a folder (expected an MJCF, URDF or MJB file)");
  }
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (extension == ".mjb") {
    return std::shared_ptr<const Scene>(
        new Scene(LoadMjbBytes(ReadFile(file), file.string()), file.string()));
  }
  std::string message;
  ModelPtr model = LoadXml(file, &message);
  if (!model) {
    // A link may point at a file whose includes and meshes lie beside the target.
    const fs::path target = fs::canonical(file, ignored);
    std::string other;
    if (!ignored && target != fs::absolute(file).lexically_normal()) model = LoadXml(target, &other);
    if (!model && !other.empty() && other != message) {
      message += " (and beside " + target.string() + ", to which a link leads: " + other + ")";
    }
  }
  if (!model) throw SceneError("scene " + file.string() + ": " + message);
  return std::shared_ptr<const Scene>(new Scene(std::move(model), file.string()));
}

std::shared_ptr<const Scene> Scene::FromMjb(const std::string& bytes, const std::string& origin) {
  return std::shared_ptr<const Scene>(new Scene(LoadMjbBytes(bytes, origin), origin));
}

std::string Scene::ToMjb() const {
  std::string bytes(static_cast<size_t>(mj_sizeModel(model_.get())), '\0');
  mj_saveModel(model_.get(), nullptr, bytes.data(), static_cast<mjtSize>(bytes.size()));
  return bytes;
}

const std::string& Scene::Label(mjtObj type, int id) const {
  return labels_.at(type).at(static_cast<size_t>(id));
}

int Scene::Find(mjtObj type, const std::string& label, const std::string& context) const {
  const std::vector<std::string>& labels = labels_.at(type);
  const auto found = std::find(labels.begin(), labels.end(), label);
  if (found != labels.end()) return static_cast<int>(found - labels.begin());
  const std::string kind = mju_type2Str(type);
  throw SceneError(context + ": the scene " + origin_ + " has no " + kind + " '" + label + "'" +
                   (labels.empty() ? " (it has none at all)" : [&] {
                     const std::string near = DidYouMean(label, labels);
                     return near.empty() ? "; it has " + Join(labels) : near;
                   }()));
}

std::vector<std::string> Scene::Labels(mjtObj type) const {
  return labels_.at(type);
}

std::string Scene::DofLabel(int dof) const {
  if (dof < 0 || dof >= model_->nv) return "unknown";
  const int joint = model_->dof_jntid[dof];
  const int offset = dof - model_->jnt_dofadr[joint];
  const std::string& label = Label(mjOBJ_JOINT, joint);
  static const char* const kFree[] = {".x", ".y", ".z", ".wx", ".wy", ".wz"};
  if (model_->jnt_type[joint] == mjJNT_FREE) return label + kFree[offset];
  if (model_->jnt_type[joint] == mjJNT_BALL) return label + kFree[3 + offset];
  return label;
}

std::string MujocoVersion() {
  return VersionOf(mj_version());
}

}  // namespace reverie
