// A task file as data: which scene, what is observed, how an episode starts and ends, what is rewarded.
//
//   {
//     "description": "one line",
//     "scene": "cartpole.xml",              beside the task file; "dm_control:cartpole.xml" is the installed
//                                           package's suite/cartpole.xml, "gymnasium:ant.xml" likewise
//     "control_timestep_s": 0.01,           one env step; a whole number of simulation steps
//     "action_repeat": 2,                   env steps in one control step (one Environment::Step)
//     "time_limit_s": 10,                   then the episode is truncated
//     "camera": "fixed",                    for films and pictures; optional
//     "observation": {"position": ["qpos(slider)", "xmat(pole_1).zz"], "velocity": "qvel"},
//     "angles": ["position[1]"],            elements that wrap at 2 pi; optional
//     "signals": {"speed": "sensordata(torso_subtreelinvel)[0]"},  measured for the reward, not shown to the
//     agent "reset": [ {"set": "qpos(slider)", "to": "normal(0, 0.01)"},      every element draws its own
//                {"let": {"angle": "uniform(0, 2*pi)"}},
//                {"set": "geom_pos(target).x", "to": "0.1*sin(angle)"}, a model field: drawn per episode
//                {"joints": "random"},      limited joints in their range, other rotations anywhere
//                {"keyframe": "home"},
//                {"settle": 200},           simulation steps with zero control, then time is 0 again
//                {"until": "ncon == 0"} ],  else the whole reset is drawn again
//     "reward": "tolerance(position[0], 0, 0, 2)",      over observation, signals and `action`
//     "planning_reward": "reward + 0.1*position[1]",    what planners maximise; optional
//     "terminate": "position[0] > 2", "success": "norm(to_target) < 0.05",    optional
//     "goal": {"distance": "position", "within": 0.05},  what reaching another state means; sim/goal.h
//     "violations": {"teleport": {"do": [...]}},         what physics forbid, to be surprised by; sim/violation.h
//     "planner": {"horizon": 20}, "learning": {"updates_per_step": 4}         defaults that suit it; optional
//   }
//
// Observation, signals and resets are formulas (sim/formula.h) over MuJoCo's own fields: any mjData or
// mjModel array by name with an object's label, `qpos(joint)`, `qvel(joint)`, `sensordata(sensor)`,
// `act(actuator)`, `ctrl(actuator)`, `xpos(body).x`, `xmat(body).zz`, and `time`, `ncon`. Keys are checked:
// an unknown one is refused with the nearest known one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/scene.h"

namespace reverie {

struct Channel {
  std::string name;
  std::vector<std::string> formulas;
};

struct ResetStep {
  enum class Kind { kSet, kLet, kJoints, kKeyframe, kSettle, kUntil };
  Kind kind;
  std::string target;   // kSet: the field; kLet: the name; kKeyframe: the label
  std::string formula;  // kSet, kLet, kUntil
  int steps = 0;        // kSettle
};

/// An entry of "violations", as sim/violation.h explains it.
struct ViolationSpec {
  std::string name;
  std::vector<double> sizes;
  std::string when;
  std::vector<ResetStep> steps;  // kSet, kLet, kUntil
  std::vector<std::string> pass_through;
  std::string shows;
  double window_s = 0.0;  // 0: one prediction
  bool control = false;
};

struct TaskSpec {
  std::string name;  // "cartpole-swingup", "dm_control/cup-catch", "ant.xml"
  std::string description;
  std::filesystem::path scene_file;
  std::filesystem::path task_file;  // empty for a bare model
  double control_timestep_s =
      0.0;  // 0: the default for a bare model, the multiple of the timestep nearest 0.02
  int action_repeat = 1;
  double time_limit_s = 0.0;  // 0: 1000 env steps
  std::string camera;
  std::vector<Channel> observation;
  std::vector<std::string> angles;
  std::vector<Channel> signals;
  std::vector<ResetStep> reset;
  std::string reward, planning_reward, terminate, success;
  nlohmann::json goal = nlohmann::json::object();      // what a goal is told apart by; GoalMeasure's
  std::vector<ViolationSpec> violations;
  nlohmann::json planner = nlohmann::json::object();   // defaults of agent/planner.h's options
  nlohmann::json learning = nlohmann::json::object();  // defaults of the learning loop's options

  /// The task as a file would hold it, complete, with `action_repeat` as played.
  nlohmann::ordered_json ToJson() const;
};

/// Finds a task: a name that ListTasks knows, a task file, or an MJCF, URDF or MJB file (the default task:
/// observe qpos and qvel, act on all actuators, no reward).
/// @throws TaskError for a name that is none of these (near names suggested) or a malformed file (file, key,
/// expected, found).
TaskSpec LoadTask(const std::string& name_or_path);

/// From the text a dataset or model keeps. `origin` names it in messages.
TaskSpec ParseTask(const std::string& json_text, const std::string& name, const std::string& origin);

/// Names of all tasks under ScenesFolder(), sorted.
std::vector<std::string> ListTasks();

}  // namespace reverie
