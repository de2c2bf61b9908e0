#include "ui/desktop/scene_overlays.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "ui/desktop/app.h"
#include "ui/desktop/colours.h"

namespace reverie::desktop {
namespace {

constexpr double kPathSeconds = 1.5;     // of other branches, before and after now
constexpr int64_t kMostPathRows = 100;   // on either side
constexpr int kMostPaths = 12;           // newest branches first
constexpr int kMostSearched = 64;        // branches looked at for them
constexpr size_t kMostKeptPoints = 50000;

void SetColour(float rgba[4], ImVec4 colour) {
  rgba[0] = colour.x;
  rgba[1] = colour.y;
  rgba[2] = colour.z;
  rgba[3] = colour.w;
}

Trace MakeTrace(std::vector<float> points, ImVec4 colour, float width_px) {
  Trace trace;
  trace.points = std::move(points);
  SetColour(trace.rgba, colour);
  trace.width_px = width_px;
  return trace;
}

Ghost MakeGhost(std::span<const double> qpos, ImVec4 colour) {
  Ghost ghost;
  ghost.qpos.assign(qpos.begin(), qpos.end());
  SetColour(ghost.rgba, colour);
  return ghost;
}

/// Row `i` of an array of rows; empty where there is none.
template <class T>
std::span<const T> Row(const std::vector<T>& rows, size_t size, int64_t i) {
  if (i < 0 || size == 0 || (static_cast<size_t>(i) + 1) * size > rows.size()) return {};
  return std::span(rows).subspan(static_cast<size_t>(i) * size, size);
}

/// A trace of `points` points from the one that is now; empty where what is left is no line.
std::vector<float> Rest(const std::vector<float>& traces, int i, int points, int64_t now) {
  const std::span<const float> all = Row(traces, static_cast<size_t>(points) * 3, i);
  if (all.empty() || now + 2 > points) return {};
  const std::span<const float> rest = all.subspan(static_cast<size_t>(now) * 3);
  if (!std::ranges::all_of(rest, [](float value) { return std::isfinite(value); })) return {};
  return {rest.begin(), rest.end()};
}

void AddPlan(const ImaginedPlan& plan, int64_t since, size_t nq, const Overlays& overlays, SceneRequest& request) {
  if (since < 0 || since >= plan.horizon) return;
  const int points = plan.horizon + 1;
  if (overlays.candidates) {
    for (int i = plan.candidates - 1; i >= 0; --i) {  // the best are drawn last, over the others
      std::vector<float> rest = Rest(plan.traces, i, points, since);
      if (rest.empty()) continue;
      const bool elite = i < plan.elites;
      const ImVec4 colour = colours::WithAlpha(elite ? colours::kElite : colours::kCandidate, elite ? 0.9f : 0.4f);
      request.traces.push_back(MakeTrace(std::move(rest), colour, elite ? 2.5f : 1.2f));
    }
  }
  if (overlays.members) {
    for (int i = 0; i < plan.members; ++i) {
      std::vector<float> rest = Rest(plan.member_traces, i, points, since);
      if (rest.empty()) continue;
      request.traces.push_back(MakeTrace(std::move(rest), colours::WithAlpha(colours::kMember, 0.7f), 1.2f));
    }
  }
  if (overlays.plan_ghosts && overlays.ghosts > 0) {
    const int shown = std::min(overlays.ghosts, plan.horizon);
    for (int i = shown; i >= 1; --i) {  // far ones first: the near ones cover them
      const int64_t step = std::lround(static_cast<double>(i) * plan.horizon / shown);
      const std::span<const double> qpos = Row(plan.ghosts, nq, step - 1);
      if (step <= since || qpos.empty()) continue;
      const float share = shown > 1 ? static_cast<float>(i - 1) / static_cast<float>(shown - 1) : 0;
      const ImVec4 colour = colours::Mix(colours::WithAlpha(colours::kPlan, 0.45f),
                                         colours::WithAlpha(colours::kPlanFar, 0.22f), share);
      request.ghosts.push_back(MakeGhost(qpos, colour));
    }
  }
}

int64_t RootOf(const TimelineView& timeline, int branch) {
  const auto lineage = timeline.Lineage(branch);
  return lineage.empty() ? -1 : lineage.front()->info->id;
}

/// The moving body that traces follow where nobody chose one: the one farthest from the root.
int DefaultBody(const mjModel* model) {
  int deepest = 0, body = 0;
  for (int i = 1; i < model->nbody; ++i) {
    if (model->body_weldid[i] == 0) continue;
    int depth = 0;
    for (int b = i; b > 0; b = model->body_parentid[b]) ++depth;
    if (depth > deepest) {
      deepest = depth;
      body = i;
    }
  }
  return body;
}

}  // namespace

std::optional<int64_t> StepsBetween(const TimelineView& timeline, TimelinePlace from, TimelinePlace to) {
  int64_t steps = 0;
  for (TimelinePlace at = to; at.branch >= 0;) {
    if (at.branch == from.branch) {
      if (at.row < from.row) return std::nullopt;
      return steps + at.row - from.row;
    }
    const BranchView* branch = timeline.Find(at.branch);
    if (!branch || !branch->info || branch->info->edited) return std::nullopt;
    steps += at.row;
    at = {branch->info->parent, branch->info->parent_row};
  }
  return std::nullopt;
}

void AddImagined(const SessionSnapshot& snapshot, TimelinePlace now, const Overlays& overlays,
                 SceneRequest& request) {
  if (!snapshot.task) return;
  const auto nq = static_cast<size_t>(snapshot.task->model()->nq);
  if (snapshot.plan) {
    const auto since = StepsBetween(snapshot.timeline, snapshot.plan->from, now);
    if (since) AddPlan(*snapshot.plan, *since, nq, overlays, request);
  }
  if (overlays.compared_ghost && snapshot.compared) {
    const PredictedVersusReal& compared = *snapshot.compared;
    const auto since = StepsBetween(snapshot.timeline, compared.from, now);
    // The comparison is made on another thread: it may be a little behind the present.
    constexpr int64_t kLag = 3;
    if (since && *since >= 1 && *since <= compared.steps + kLag) {
      const std::span<const double> qpos =
          Row(compared.ghosts, nq, std::min<int64_t>(*since, compared.steps) - 1);
      if (!qpos.empty()) {
        request.ghosts.push_back(MakeGhost(qpos, colours::WithAlpha(colours::kPredicted, 0.55f)));
      }
    }
  }
}

void BranchPaths::Follow(const SessionSnapshot& snapshot, int body) {
  if (task_ != snapshot.task) {
    task_ = snapshot.task;
    points_.clear();
    parameters_.clear();
    own_model_.reset(task_->parameter_size() > 0 ? mj_copyModel(nullptr, task_->model()) : nullptr);
    data_.reset(mj_makeData(task_->model()));
  }
  if (body_ != body) points_.clear();
  body_ = body;
  size_t kept = 0;
  for (const auto& [branch, rows] : points_) kept += rows.size();
  if (kept > kMostKeptPoints) points_.clear();
}

const BranchPaths::Point* BranchPaths::Find(const BranchView& branch, int64_t row, int& budget) {
  std::map<int64_t, Point>& rows = points_[branch.info->id];
  if (const auto found = rows.find(row); found != rows.end()) return &found->second;
  if (--budget < 0) return nullptr;
  const mjModel* model = own_model_ ? own_model_.get() : task_->model();
  if (own_model_ && parameters_ != branch.info->parameters &&
      static_cast<int>(branch.info->parameters.size()) == task_->parameter_size()) {
    parameters_ = branch.info->parameters;
    task_->SetParameters(own_model_.get(), data_.get(), parameters_);
  }
  mj_setState(model, data_.get(), branch.State(row).data(), mjSTATE_INTEGRATION);
  mj_kinematics(model, data_.get());
  const mjtNum* position = data_->xpos + 3 * body_;
  return &(rows[row] = {static_cast<float>(position[0]), static_cast<float>(position[1]),
                        static_cast<float>(position[2])});
}

bool BranchPaths::Add(const SessionSnapshot& snapshot, TimelinePlace now, SceneRequest& request, int most) {
  complete_ = true;
  const TimelineView& timeline = snapshot.timeline;
  const BranchView* here = timeline.Find(now.branch);
  if (!snapshot.task || !here) return true;
  const mjModel* model = snapshot.task->model();
  int body = snapshot.plan && snapshot.plan->traced_body > 0 ? snapshot.plan->traced_body
                                                             : snapshot.imagination.traced_body;
  if (body <= 0 || body >= model->nbody) body = DefaultBody(model);
  if (body == 0) return true;
  Follow(snapshot, body);
  if (!data_) return true;

  const double step_s = timeline.control_step_s > 0 ? timeline.control_step_s : 0.02;
  const int64_t reach = std::clamp<int64_t>(std::llround(kPathSeconds / step_s), 5, kMostPathRows);
  const int64_t step = timeline.StepOf(now), root = RootOf(timeline, now.branch);
  const auto lineage = timeline.Lineage(now.branch);
  int budget = most, paths = 0, searched = 0;
  for (auto branch = timeline.branches.rbegin(); branch != timeline.branches.rend(); ++branch) {
    if (paths == kMostPaths || ++searched > kMostSearched) break;
    if (!branch->info || RootOf(timeline, branch->info->id) != root) continue;
    // Of the branches that led here, only what came afterwards there is another path.
    int64_t first = std::max(branch->first_row, step - reach - branch->info->first_step);
    for (size_t i = 0; i < lineage.size(); ++i) {
      if (lineage[i]->info->id != branch->info->id) continue;
      first = std::max(first, i + 1 < lineage.size() ? lineage[i + 1]->info->parent_row : now.row);
    }
    const int64_t last = std::min(branch->rows - 1, step + reach - branch->info->first_step);
    if (last - first < 1) continue;
    std::vector<float> points;
    for (int64_t row = first; row <= last; ++row) {
      const Point* point = branch->Has(row) ? Find(*branch, row, budget) : nullptr;
      if (point && std::ranges::all_of(*point, [](float value) { return std::isfinite(value); })) {
        points.insert(points.end(), point->begin(), point->end());
      }
    }
    if (points.size() < 6) continue;
    const bool own = branch->info->id == now.branch;
    const ImVec4 colour = colours::WithAlpha(own ? colours::kReal : colours::kOtherBranch, 0.8f);
    request.traces.push_back(MakeTrace(std::move(points), colour, 2.0f));
    ++paths;
  }
  complete_ = budget >= 0;
  return complete_;
}

}  // namespace reverie::desktop
