#include "sim/dataset_contacts.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "sim/environment.h"
#include "sim/goal.h"
#include "sim/replay.h"

namespace reverie {
namespace {

constexpr double kForce = 1e-6;  // N or N m, at an actuator's joints

/// Whether constraints push back on what an actuator drives.
bool Touches(const mjModel* model, const mjData* data) {
  if (data->nefc == 0) return false;
  for (int i = 0; i < model->nu; ++i) {
    double force = 0.0;
    for (int k = 0; k < data->moment_rownnz[i]; ++k) {
      const int at = data->moment_rowadr[i] + k;
      force += data->actuator_moment[at] * data->qfrc_constraint[data->moment_colind[at]];
    }
    if (std::abs(force) > kForce) return true;
  }
  return false;
}

}  // namespace

ContactReport ReportContacts(const DatasetReader& dataset, int64_t most_states, std::stop_token stop) {
  ContactReport report;
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(dataset);
  std::optional<GoalMeasure> measure;
  if (GoalMeasure::Has(*task)) measure.emplace(*task);
  report.has_regions = measure && measure->has_regions();
  Environment environment(task);
  const int64_t all = dataset.steps() + dataset.episodes();
  const int64_t every = std::max<int64_t>(1, (all + most_states - 1) / std::max<int64_t>(1, most_states));
  const auto width = static_cast<size_t>(task->state_size());
  int64_t touching = 0, contacts = 0, crossings = 0, crossing = 0;
  for (int64_t k = 0; k < dataset.episodes() && !stop.stop_requested(); k += every) {
    const Episode episode = dataset.Read(k);
    if (task->parameter_size() > 0) environment.SetParameters(episode.model_parameters);
    bool touched = false;
    double region = 0.0;
    const int64_t crossings_before = crossings;
    for (int64_t t = 0; t <= episode.steps; ++t) {
      environment.RestoreState(std::span(episode.integration_state).subspan(static_cast<size_t>(t) * width, width), 0);
      const bool touches = Touches(environment.model(), environment.data());
      touching += touches;
      contacts += touches && !touched;
      touched = touches;
      if (report.has_regions) {
        const double now = measure->Region(environment.channels());
        crossings += t > 0 && now != region;
        region = now;
      }
    }
    crossing += crossings > crossings_before;
    ++report.episodes;
    report.states += episode.steps + 1;
  }
  const auto per = [](int64_t count, int64_t of) { return static_cast<double>(count) / static_cast<double>(std::max<int64_t>(1, of)); };
  report.touching = per(touching, report.states);
  report.contacts_per_episode = per(contacts, report.episodes);
  report.crossings_per_episode = per(crossings, report.episodes);
  report.crossing_episodes = per(crossing, report.episodes);
  return report;
}

}  // namespace reverie
