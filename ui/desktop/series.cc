#include "ui/desktop/series.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/desktop/app.h"

namespace reverie::desktop {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kFreshRows = 512;   // the newest, where judgements are still coming in: read again each frame
constexpr int64_t kSweptRows = 1024;  // of the older ones, by turns
constexpr uint64_t kUnusedCalls = 600;
constexpr size_t kMostPoints = 4096;  // in one curve; a plot has fewer columns of pixels

float At(std::span<const double> values, int index) {
  return index >= 0 && static_cast<size_t>(index) < values.size() ? static_cast<float>(values[index]) : kNaN;
}

}  // namespace

void LineageSeries::Follow(const TimelineView& view, int branch) {
  ++calls_;
  view_ = &view;
  const std::vector<const BranchView*> lineage = view.Lineage(branch);
  std::vector<Segment> segments;
  for (const BranchView* part : lineage) {
    const int64_t zero = part->info->first_step;
    if (!segments.empty()) segments.back().end_step = std::min(segments.back().end_step, zero);
    segments.push_back({part->info, zero, zero, zero + part->rows, part});
  }
  // What was dropped at the front is no part of it.
  int64_t first_kept = 0;
  bool found = false;
  for (const Segment& segment : segments) {
    const int64_t first = segment.zero_step + segment.view->first_row;
    if (first >= segment.end_step) continue;
    first_kept = first;
    found = true;
    break;
  }
  const int64_t end = segments.empty() ? 0 : segments.back().end_step;
  if (!found) first_kept = end;

  // The steps up to which nothing is different from what is known.
  int64_t common = std::numeric_limits<int64_t>::min();
  if (step_s_ == view.control_step_s) {
    for (size_t i = 0; i < segments.size() && i < segments_.size(); ++i) {
      if (segments[i].info != segments_[i].info) break;
      common = std::min(segments[i].end_step, segments_[i].end_step);
      if (segments[i].end_step != segments_[i].end_step) break;
    }
  }
  step_s_ = view.control_step_s;
  segments_ = std::move(segments);
  end_ = end;
  first_kept_ = first_kept;
  complete_ = found && segments_[0].info->parent < 0 && segments_[0].view->first_row == 0;
  if (x_.empty() || common <= base_ || first_kept_ < base_) {
    x_.clear();
    values_.clear();
    base_ = first_kept_;
  } else {
    Truncate(common);
  }
  DropFront();
  for (int64_t step = base_ + static_cast<int64_t>(x_.size()); step < end_; ++step)
    x_.push_back(static_cast<float>(static_cast<double>(step) * step_s_));
}

void LineageSeries::Truncate(int64_t step) {
  const size_t size = static_cast<size_t>(std::max<int64_t>(step - base_, 0));
  if (x_.size() > size) x_.resize(size);
  for (auto& [key, values] : values_)
    if (values.y.size() > size) {
      values.y.resize(size);
      ++values.version;
    }
}

// Frees what the timeline has dropped, seldom; and series that nobody looks at any more.
void LineageSeries::DropFront() {
  const int64_t gone = first_kept_ - base_;
  if (gone > 4096 && gone > static_cast<int64_t>(x_.size()) / 2) {
    const auto drop = [gone](std::vector<float>& values) {
      values.erase(values.begin(), values.begin() + std::min<int64_t>(gone, static_cast<int64_t>(values.size())));
    };
    // One that lags behind would lose its place; it is read anew when it is asked for.
    std::erase_if(values_, [gone](const auto& entry) { return static_cast<int64_t>(entry.second.y.size()) < gone; });
    for (auto& [key, values] : values_) {
      drop(values.y);
      ++values.version;
      values.summed -= std::min(values.summed, static_cast<size_t>(gone));
    }
    drop(x_);
    base_ = first_kept_;
  }
  std::erase_if(values_, [this](const auto& entry) { return entry.second.used + kUnusedCalls < calls_; });
}

float LineageSeries::ValueAt(size_t segment, int64_t step, What what, int index) const {
  const Segment& own = segments_[segment];
  const int64_t row = step - own.zero_step;
  // The branch's first row stands where the parent's last one did; what led there is the parent's to tell.
  const bool shared = row == 0 && own.info->parent >= 0;
  const BranchView* parent = shared && segment > 0 ? segments_[segment - 1].view : nullptr;
  const int64_t parent_row = own.info->parent_row;
  const bool from_parent = parent && parent->Has(parent_row);
  if (what == What::kChannel) return own.view->Has(row) ? At(own.view->Channels(row), index) : kNaN;
  if (what == What::kJudged) {
    const Judged judged = static_cast<Judged>(index);
    const float by_parent = from_parent ? parent->Get(judged, parent_row) : kNaN;
    const float by_own = own.view->Has(row) ? own.view->Get(judged, row) : kNaN;
    const bool of_what_led_here = judged == Judged::kSurprise || judged == Judged::kPredictedReward;
    if (of_what_led_here) return std::isfinite(by_parent) ? by_parent : by_own;
    return std::isfinite(by_own) ? by_own : by_parent;
  }
  if (row == 0 && !from_parent) return kNaN;  // nothing led to a reset
  const BranchView& led = from_parent && row == 0 ? *parent : *own.view;
  const int64_t led_row = from_parent && row == 0 ? parent_row : row;
  if (!led.Has(led_row)) return kNaN;
  if (led_row == 0 && led.info->parent < 0) return kNaN;
  switch (what) {
    case What::kReward:
    case What::kReturn: return static_cast<float>(led.Reward(led_row));
    case What::kRewardTerm: return At(led.RewardTerms(led_row), index);
    case What::kAction: return At(led.Action(led_row), index);
    default: return kNaN;
  }
}

void LineageSeries::Refresh(Values& values, int judged) {
  if (values.refreshed == calls_) return;
  values.refreshed = calls_;
  const int64_t size = static_cast<int64_t>(values.y.size());
  const int64_t front = first_kept_ - base_;
  const auto read = [&](int64_t from, int64_t to) {
    from = std::clamp(from, front, size);
    to = std::clamp(to, from, size);
    for (size_t i = 0; i < segments_.size(); ++i) {
      const int64_t begin = std::max(from, segments_[i].begin_step - base_);
      const int64_t end = std::min(to, segments_[i].end_step - base_);
      for (int64_t k = begin; k < end; ++k) {
        const float value = ValueAt(i, base_ + k, What::kJudged, judged);
        float& known = values.y[static_cast<size_t>(k)];
        if (!std::isfinite(value) || value == known) continue;
        known = value;
        ++values.version;
      }
    }
  };
  const int64_t fresh = std::max(front, size - kFreshRows);
  read(fresh, size);
  if (values.sweep < front || values.sweep >= fresh) values.sweep = front;
  read(values.sweep, std::min(values.sweep + kSweptRows, fresh));
  values.sweep += kSweptRows;
}

LineageSeries::Values& LineageSeries::Fill(What what, int index) {
  Values& values = values_[{what, index}];
  values.used = calls_;
  const size_t known = values.y.size();
  if (end_ - base_ != static_cast<int64_t>(known)) ++values.version;
  values.y.resize(static_cast<size_t>(std::max<int64_t>(end_ - base_, 0)), kNaN);
  if (known == 0) values.sum = 0;
  else if (known != values.summed) values.sum = values.y[known - 1];  // cut back to a shared beginning
  for (size_t i = 0; i < segments_.size(); ++i) {
    const int64_t begin = std::max(base_ + static_cast<int64_t>(known), segments_[i].begin_step);
    for (int64_t step = begin; step < segments_[i].end_step; ++step) {
      float value = ValueAt(i, step, what, index);
      if (what == What::kReturn) {
        values.sum += std::isnan(value) && step == base_ ? 0.0 : value;
        value = static_cast<float>(values.sum);
      }
      values.y[static_cast<size_t>(step - base_)] = value;
    }
  }
  values.summed = values.y.size();
  if (what == What::kJudged) Refresh(values, index);
  return values;
}

Curve LineageSeries::All(What what, int index) {
  if (!view_ || empty()) return {};
  const Values& values = Fill(what, index);
  const size_t front = static_cast<size_t>(first_kept_ - base_);
  return {std::span(x_).subspan(front), std::span<const float>(values.y).subspan(front)};
}

Curve LineageSeries::Between(double from_s, double to_s, What what, int index) {
  const Curve all = All(what, index);
  if (all.x.empty() || !(step_s_ > 0)) return all;
  const auto first = std::lower_bound(all.x.begin(), all.x.end(), static_cast<float>(from_s - 1e-3 * step_s_));
  const auto last = std::upper_bound(first, all.x.end(), static_cast<float>(to_s + 1e-3 * step_s_));
  const size_t begin = static_cast<size_t>(first - all.x.begin()), count = static_cast<size_t>(last - first);
  const Curve between = {all.x.subspan(begin, count), all.y.subspan(begin, count)};
  return count > kMostPoints ? Thinned(values_[{what, index}], between, begin) : between;
}

// Blocks stand at fixed rows, so that a curve does not flicker while its window moves on.
Curve LineageSeries::Thinned(Values& values, Curve curve, size_t begin) {
  begin += static_cast<size_t>(first_kept_);
  const size_t count = curve.x.size();
  if (values.thin_version == values.version && values.thin_begin == begin && values.thin_count == count)
    return {values.thin_x, values.thin_y};
  size_t block = 2;
  while (2 * count / block > kMostPoints) block *= 2;
  values.thin_version = values.version;
  values.thin_begin = begin;
  values.thin_count = count;
  values.thin_x.clear();
  values.thin_y.clear();
  const auto add = [&](size_t i) {
    values.thin_x.push_back(curve.x[i]);
    values.thin_y.push_back(curve.y[i]);
  };
  for (size_t from = 0; from < count;) {
    const size_t to = std::min(count, from + block - (begin + from) % block);
    size_t low = from, high = from;
    for (size_t i = from + 1; i < to; ++i) {
      if (curve.y[i] < curve.y[low] || std::isnan(curve.y[low])) low = i;
      if (curve.y[i] > curve.y[high] || std::isnan(curve.y[high])) high = i;
    }
    add(std::min(low, high));
    if (low != high) add(std::max(low, high));
    from = to;
  }
  return {values.thin_x, values.thin_y};
}

double TimeOf(const TimelineView& view, TimelinePlace place) {
  if (!view.Find(place.branch)) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(view.StepOf(place)) * view.control_step_s;
}

TimelinePlace PlaceAtTime(const TimelineView& view, int branch, double time_s) {
  const std::vector<const BranchView*> lineage = view.Lineage(branch);
  if (lineage.empty() || !(view.control_step_s > 0) || !std::isfinite(time_s)) return {};
  int64_t first = std::numeric_limits<int64_t>::max();
  for (const BranchView* part : lineage)
    if (part->first_row < part->rows) first = std::min(first, part->info->first_step + part->first_row);
  const int64_t last = lineage.back()->info->first_step + lineage.back()->rows - 1;
  if (first > last) return {};
  // Kept within the range of int64_t before it is rounded.
  const double step = std::clamp(time_s / view.control_step_s, static_cast<double>(first), static_cast<double>(last));
  const TimelinePlace place = view.AtStep(branch, std::llround(step));
  return place.branch >= 0 ? place : TimelinePlace{};
}

bool OnLineage(const TimelineView& view, int branch, TimelinePlace place) {
  const std::vector<const BranchView*> lineage = view.Lineage(branch);
  for (size_t i = 0; i < lineage.size(); ++i) {
    if (lineage[i]->info->id != place.branch) continue;
    const int64_t end = i + 1 < lineage.size() ? lineage[i + 1]->info->parent_row + 1 : lineage[i]->rows;
    return place.row >= 0 && place.row < end;
  }
  return false;
}

void GoToTime(App& app, int branch, std::optional<float> clicked_s) {
  if (!clicked_s || !app.now) return;
  const TimelinePlace place = PlaceAtTime(app.now->timeline, branch, *clicked_s);
  if (place.branch >= 0) app.GoTo(place);
}

}  // namespace reverie::desktop
