#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "agent/planner_policy.h"
#include "sim/collect.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "ui/cli/bench_rates.h"
#include "ui/cli/bench_vision.h"
#include "ui/cli/command.h"
#include "ui/cli/settings.h"
#include "worldmodel/device.h"
#include "worldmodel/model_options.h"
#include "worldmodel/simulator_model.h"

namespace reverie::cli {
namespace {

constexpr int kRepeats = 5;  // of which the median is told

using Options = BenchOptions;

double SecondsOf(const std::function<void()>& body) {
  const auto began = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

std::string MachineName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

// Env steps per second of nothing but mj_step with random controls, on as many threads.
double BareRate(const CompiledTask& task, int threads, double seconds) {
  std::vector<int64_t> steps(static_cast<size_t>(threads));
  std::vector<std::jthread> workers;
  const double taken = SecondsOf([&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        const DataPtr data(mj_makeData(task.model()));
        Random random(static_cast<uint64_t>(t));
        std::vector<double> action(static_cast<size_t>(task.action_size()));
        task.Reset(const_cast<mjModel*>(task.model()), data.get(), random);
        while (std::chrono::steady_clock::now() < end) {
          for (int chunk = 0; chunk < 50; ++chunk) {
            for (double& value : action) value = random.Uniform(-1.0, 1.0);
            task.ApplyAction(task.model(), data.get(), action);
            const int count = task.spec().action_repeat * task.simulation_steps_per_env_step();
            for (int i = 0; i < count; ++i) mj_step(task.model(), data.get());
            steps[static_cast<size_t>(t)] += task.spec().action_repeat;
          }
        }
      });
    }
    workers.clear();
  });
  int64_t sum = 0;
  for (int64_t count : steps) sum += count;
  return static_cast<double>(sum) / taken;
}

// Env steps per second of everything that `collect` does, to disk.
double CollectRate(std::shared_ptr<const CompiledTask> task, int threads, double steps_wanted) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("reverie-bench-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  CollectOptions work;
  work.steps = std::max<int64_t>(1, static_cast<int64_t>(steps_wanted / task->spec().action_repeat));
  work.workers = threads;
  const PolicySource policy = RandomPolicy(*task);
  const double taken = SecondsOf([&] {
    DatasetWriter writer(folder, DescribeDataset(*task, 0, policy.name), false);
    Collect(task, policy, work, [&](Episode&& episode) { writer.Append(episode); }, InterruptToken());
    writer.Finish();
  });
  std::filesystem::remove_all(folder);
  return static_cast<double>(work.steps * task->spec().action_repeat) / taken;
}

nlohmann::ordered_json BenchCollect(std::shared_ptr<const CompiledTask> task, const Options& options) {
  if (task->parameter_size() > 0) throw UsageError("bench collect: give a --task whose resets leave the model alone");
  std::vector<double> bare, collected, ratios;
  const int threads = options.common.Threads();
  for (int repeat = 0; repeat < kRepeats; ++repeat) {  // in turn, so that a drifting machine hits both alike
    bare.push_back(BareRate(*task, threads, options.seconds));
    collected.push_back(CollectRate(task, threads, bare.back() * options.seconds));
    ratios.push_back(collected.back() / bare.back());
  }
  return {{"bare_steps_per_s", Median(bare)}, {"collect_steps_per_s", Median(collected)}, {"ratio", Median(ratios)}};
}

std::vector<Episode> SomeEpisodes(std::shared_ptr<const CompiledTask> task, int threads) {
  std::vector<Episode> episodes;
  CollectOptions work;
  work.episodes = 4;
  work.workers = threads;
  Collect(task, SmoothPolicy(*task), work, [&](Episode&& episode) { episodes.push_back(std::move(episode)); });
  return episodes;
}

struct Learned {
  std::unique_ptr<LearnedModel> model;
  PlannerOptions planner;
  nlohmann::ordered_json options;
};

// The model that the options name, trained for a moment on a few episodes so that what it imagines is no constant.
Learned MakeLearned(std::shared_ptr<const CompiledTask> task, const Options& options, const std::string& device,
                    const ReplayBuffer& buffer) {
  Learned learned;
  learned.planner = PlannerOptionsForKind(task->spec(), options.model);
  nlohmann::json settings = ParseSettings(options.settings);
  if (settings.contains("planner")) learned.planner.Update(settings.at("planner"), "--set planner");
  settings.erase("planner");
  ModelOptions model;
  model.Update({{"kind", options.model}}, "--model");
  model.Update(settings, "--set");
  learned.model = MakeLearnedModel(task, model, device, 0);
  learned.model->Train(buffer, 50, 0);
  learned.options = model.ToJson();
  return learned;
}

ReplayBuffer SomeTransitions(std::shared_ptr<const CompiledTask> task, const Options& options) {
  ReplayBuffer buffer(task->channel_size(), task->action_size());
  for (const Episode& episode : SomeEpisodes(task, options.common.Threads())) buffer.Add(episode);
  return buffer;
}

nlohmann::ordered_json BenchTrain(std::shared_ptr<const CompiledTask> task, const Options& options,
                                  const std::string& device, double peak) {
  const ReplayBuffer buffer = SomeTransitions(task, options);
  const Learned learned = MakeLearned(task, options, device, buffer);
  std::vector<double> rates;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    int updates = 0;
    double taken_ms = 0.0;
    while (taken_ms < 1000.0 * options.seconds) {
      constexpr int kRound = 50;
      taken_ms += kRound * learned.model->Train(buffer, kRound, 1).update_ms;
      updates += kRound;
    }
    rates.push_back(1000.0 * updates / taken_ms);
  }
  const double rate = Median(rates);
  return {{"model", learned.options},
          {"updates_per_s", rate},
          {"share_of_peak", rate * learned.model->OperationsPerUpdate() / peak}};
}

nlohmann::ordered_json BenchPlan(std::shared_ptr<const CompiledTask> task, const Options& options,
                                 const std::string& device, double peak, bool simulator) {
  const Learned learned = MakeLearned(task, options, device, SomeTransitions(task, options));
  SimulatorModel mujoco(task, options.common.Threads());
  WorldModel& model = simulator ? static_cast<WorldModel&>(mujoco) : *learned.model;
  Environment environment(task);
  const Belief belief = Belief::Of(environment);
  Planner planner(simulator ? PlannerOptionsFor(task->spec()) : learned.planner, task->action_size());
  planner.Reset(0);
  std::vector<double> plans, imagined;
  for (int repeat = 0; repeat < kRepeats + 1; ++repeat) {
    int64_t count = 0, steps = 0;
    double taken = 0.0;
    while (taken < options.seconds) {
      const Plan plan = planner.MakePlan(model, belief);
      ++count;
      steps += plan.imagined_steps;
      taken += plan.plan_ms / 1000.0;
    }
    if (repeat == 0) continue;  // warm-up
    plans.push_back(static_cast<double>(count) / taken);
    imagined.push_back(static_cast<double>(steps) / taken);
  }
  nlohmann::ordered_json report = {{"plans_per_s", Median(plans)}, {"imagined_steps_per_s", Median(imagined)}};
  if (simulator) return report;
  report["share_of_peak"] = Median(imagined) * learned.model->OperationsPerImaginedStep() / peak;
  report["model"] = learned.options;
  report["planner"] = learned.planner.ToJson();
  return report;
}

}  // namespace

nlohmann::ordered_json BenchRates(const BenchOptions& options) {
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  const bool all = options.what == "all";
  nlohmann::ordered_json report = {{"machine", MachineName()}, {"threads", options.common.Threads()},
                                   {"device", device}, {"task", task->spec().name},
                                   {"action_repeat", task->spec().action_repeat}};
  const bool learned = all || options.what == "train" || options.what == "plan";
  const double peak = learned ? MatrixProductRate(device) : 0.0;
  if (learned) report["matrix_product_gflops"] = peak / 1e9;
  const auto add = [&](const std::string& name, const nlohmann::ordered_json& figures) {
    if (all) {
      report[name] = figures;
    } else {
      for (const auto& [key, value] : figures.items()) report[key] = value;
    }
  };
  if (learned && options.model == "jepa") {
    add("", BenchVision(task, options, device, peak));
    return report;
  }
  if (all || options.what == "simulation") {
    std::vector<double> rates;
    for (int i = 0; i < kRepeats; ++i) rates.push_back(BareRate(*task, options.common.Threads(), options.seconds));
    add("simulation", {{"bare_steps_per_s", Median(rates)}});
  }
  if (all || options.what == "collect") add("collect", BenchCollect(task, options));
  if (all || options.what == "train") add("train", BenchTrain(task, options, device, peak));
  if (all || options.what == "plan") {
    nlohmann::ordered_json plan = BenchPlan(task, options, device, peak, false);
    plan["simulator"] = BenchPlan(task, options, device, peak, true);
    add("plan", plan);
  }
  return report;
}

}  // namespace reverie::cli
