#include "ui/desktop/timeline_strip.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "ui/desktop/colours.h"

namespace reverie::desktop {
namespace {

constexpr double kLeastSteps = 4;    // shown at once
constexpr double kFitSteps = 50;     // shown at least where all is shown
constexpr double kPatience_s = 0.5;  // how long the playhead waits where it was put for the session to follow
constexpr int kSweptOnPath = 128, kSweptElsewhere = 4;  // buckets read again in each frame

/// The end of an axis that needs to change only now and then while rows are added.
double RoundUp(double steps) {
  double power = 1;
  while (power * 10 < steps) power *= 10;
  for (const double factor : {1.0, 1.5, 2.0, 3.0, 5.0, 7.5}) {
    if (power * factor >= steps) return power * factor;
  }
  return power * 10;
}

int64_t StepOf(const BranchView& branch, int64_t row) { return branch.info->first_step + row; }

}  // namespace

void TimelineStrip::Update(const App& app) {
  now_ = app.session ? app.now : nullptr;
  if (!now_) {
    path_ = {};
    lanes_.clear();
    digests_.clear();
    return;
  }
  const TimelineView& timeline = now_->timeline;
  if (asked_ && (*asked_ == now_->now || ImGui::GetTime() - asked_s_ > kPatience_s) && !scrubbing_) asked_.reset();
  // Going back along a path keeps its future in sight; only another branch makes another path.
  path_ = TimelinePath(timeline, path_.leaf());
  if (!path_.IndexOf(now_->now)) path_ = TimelinePath(timeline, now_->now.branch);
  FindLanes();
  std::erase_if(digests_, [&](const auto& digest) { return !timeline.Find(digest.first); });
  for (const PathPiece& piece : path_.pieces()) {
    digests_[piece.branch->info->id].Update(*piece.branch, kSweptOnPath);
  }
}

void TimelineStrip::FindLanes() {
  lanes_.clear();
  const std::vector<BranchView>& branches = now_->timeline.branches;
  for (size_t i = branches.size(); i-- > 0;) {  // the newest is nearest
    const BranchView& branch = branches[i];
    if (branch.rows == 0) continue;
    Lane lane = {&branch, branch.first_row, branch.rows - 1, static_cast<double>(StepOf(branch, 0)),
                 branch.info->parent};
    for (const PathPiece& piece : path_.pieces()) {
      if (piece.branch != &branch) continue;
      lane.first = piece.last;  // what became of the parent after the path left it
      lane.parent = branch.info->id;
      lane.fork_step = static_cast<double>(piece.StepOf(piece.last));
      if (lane.first == lane.last) lane.first = lane.last + 1;
    }
    if (branch.info->id == path_.leaf() || lane.first > lane.last) continue;
    lanes_.push_back(lane);
  }
}

void TimelineStrip::Show(double first, double last) {
  fit_ = false;
  axis_.first = std::max(first, 0.0);
  axis_.last = std::max(last, axis_.first + kLeastSteps);
}

double TimelineStrip::PlayheadStep() const {
  if (asked_) return static_cast<double>(now_->timeline.StepOf(*asked_));
  const double part = static_cast<double>(now_->simulation_step) / std::max(now_->simulation_steps, 1);
  return static_cast<double>(now_->timeline.StepOf(now_->now)) + part;
}

void TimelineStrip::PlaceAxis() {
  double low = 1e18, high = 0;
  for (const BranchView& branch : now_->timeline.branches) {
    if (branch.rows <= branch.first_row) continue;
    low = std::min(low, static_cast<double>(StepOf(branch, branch.first_row)));
    high = std::max(high, static_cast<double>(StepOf(branch, branch.rows - 1)));
  }
  if (fit_) {
    axis_.first = low < high / 2 ? 0 : std::min(low, high);
    axis_.last = axis_.first + RoundUp(std::max(high - axis_.first, kFitSteps));
    return;
  }
  // A playhead that moves out of sight takes the view along.
  const double step = PlayheadStep(), shown = axis_.last - axis_.first;
  const bool moved = step != followed_step_;
  followed_step_ = step;
  if (!moved || scrubbing_ || (step >= axis_.first && step <= axis_.last)) return;
  axis_.first = std::max(0.0, step - (step > axis_.last ? 0.85 : 0.15) * shown);
  axis_.last = axis_.first + shown;
}

std::optional<ImVec2> TimelineStrip::PointOf(TimelinePlace place) const {
  if (!now_) return std::nullopt;
  const float x = axis_.X(static_cast<double>(now_->timeline.StepOf(place)));
  if (path_.IndexOf(place)) return ImVec2{x, (curve_.low.y + curve_.high.y) / 2};
  const Lane* lane = LaneOf(place);
  if (!lane || lane_height_ <= 0) return std::nullopt;
  return ImVec2{x, lanes_top_ + (static_cast<float>(lane - lanes_.data()) + 0.5f) * lane_height_};
}

const TimelineStrip::Lane* TimelineStrip::LaneOf(TimelinePlace place) const {
  for (const Lane& lane : lanes_) {
    if (lane.branch->info->id == place.branch && place.row >= lane.first && place.row <= lane.last) return &lane;
  }
  return nullptr;
}

bool TimelineStrip::GoTo(App& app, TimelinePlace place) {
  if (asked_ ? *asked_ == place : now_->now == place && !now_->playing) return false;
  app.GoTo(place);
  asked_ = place;
  asked_s_ = ImGui::GetTime();
  return true;
}

bool TimelineStrip::Draw(App& app) {
  lane_height_ = 0;
  const ImVec2 size = ImGui::GetContentRegionAvail();
  const float font = ImGui::GetFontSize();
  if (!now_ || path_.empty() || size.x < 4 || size.y < 4) return false;
  const ImVec2 corner = ImGui::GetCursorScreenPos();
  axis_.left = corner.x;
  axis_.width = size.x;
  PlaceAxis();

  float lanes = lanes_.empty() ? 0 : (static_cast<float>(lanes_.size()) + 0.5f) * 0.6f * font;
  lanes = std::min(lanes, std::max(0.0f, (size.y - 4 * font) * 0.6f));
  if (lanes < 0.6f * font) lanes = 0;
  bool moved = DrawMain(app, {corner, {corner.x + size.x, corner.y + size.y - lanes}});
  if (lanes > 0) {
    ImGui::SetCursorScreenPos({corner.x, corner.y + size.y - lanes});
    moved |= DrawLanes(app, {size.x, lanes});
  }
  return DrawMenu(app) || moved;
}

bool TimelineStrip::DrawMain(App& app, const Box& box) {
  main_ = box;
  ImGui::InvisibleButton("strip", {box.width(), box.height()},
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight |
                             ImGuiButtonFlags_MouseButtonMiddle);
  HandleView(true);
  const ImGuiIO& io = ImGui::GetIO();
  const TimelinePlace under = path_.AtStep(std::llround(axis_.Step(io.MousePos.x)));
  bool moved = false;
  if (ImGui::IsItemActive() && ImGui::IsMouseDown(ImGuiMouseButton_Left)) {
    scrubbing_ = true;
    moved = GoTo(app, under);
  } else {
    scrubbing_ = false;
  }
  if (ImGui::IsItemHovered() && ImGui::IsMouseReleased(ImGuiMouseButton_Right) && !panned_) OpenMenu(under);
  const bool hovered = ImGui::IsItemHovered() || scrubbing_;

  // What there is no room for is left out: events first, then surprise, then the ruler.
  const float font = ImGui::GetFontSize(), height = box.height();
  const float ruler = height > 2.2f * font ? 1.1f * font : 0;
  const float heat = height > 3.2f * font ? 0.4f * font : 0;
  const float events = height > 4.0f * font ? 0.8f * font : 0;
  const float y1 = box.low.y + ruler, y3 = box.high.y - events, y2 = y3 - heat;
  curve_ = {{box.low.x, y1 + 1}, {box.high.x, y2 - 1}};
  ImDrawList* draw = ImGui::GetWindowDrawList();
  draw->PushClipRect(box.low, box.high, true);
  DrawContents({box.low, {box.high.x, y1}}, curve_, {{box.low.x, y2}, {box.high.x, y3}}, {{box.low.x, y3}, box.high});
  DrawMarks(curve_);
  DrawPlayhead(box);
  if (hovered) {
    const float x = axis_.X(static_cast<double>(now_->timeline.StepOf(under)));
    draw->AddLine({x, box.low.y}, {x, box.high.y}, ImGui::GetColorU32(ImGuiCol_Text, 0.35f));
  }
  draw->PopClipRect();
  if (hovered && !ImGui::IsPopupOpen("strip menu")) Describe(under);
  return moved;
}

void TimelineStrip::DrawContents(const Box& ruler, const Box& curve, const Box& heat, const Box& events) {
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float font = ImGui::GetFontSize();
  draw->AddRectFilled(curve.low, curve.high, ImGui::GetColorU32(ImGuiCol_FrameBg));
  // What is not there: before the first row that is kept, after the last.
  const ImU32 shade = ImGui::GetColorU32(ImGuiCol_WindowBg, 0.7f);
  const float begin = axis_.X(static_cast<double>(path_.first_step()));
  const float end = axis_.X(static_cast<double>(path_.last_step()));
  if (begin > curve.low.x) draw->AddRectFilled(curve.low, {std::min(begin, curve.high.x), curve.high.y}, shade);
  if (end < curve.high.x) draw->AddRectFilled({std::max(end, curve.low.x), curve.low.y}, curve.high, shade);
  if (begin > curve.low.x + 12 * font && path_.pieces().front().branch->first_row > 0) {
    draw->AddText({curve.low.x + 0.3f * font, curve.low.y}, ImGui::GetColorU32(ImGuiCol_TextDisabled),
                  "dropped to bound the memory");
  }
  if (ruler.height() > 0) DrawRuler(draw, axis_, ruler, now_->timeline.control_step_s);

  GatherColumns(path_, digests_, axis_, columns_);
  RowsSummary all;
  for (const PathPiece& piece : path_.pieces()) all.Add(digests_[piece.branch->info->id].all());
  const bool rewarded = now_->task && !now_->task->reward().empty();
  if (rewarded && all.has_reward()) {
    float low = std::min(all.reward_low, 0.0f), high = std::max(all.reward_high, low + 1e-6f);
    const float room = 0.05f * (high - low);
    low -= room;
    high += room;
    DrawReward(draw, columns_, curve, low, high);
  } else if (now_->task && !rewarded && curve.height() > font) {
    draw->AddText({curve.low.x + 0.3f * font, curve.low.y}, ImGui::GetColorU32(ImGuiCol_TextDisabled),
                  "this task has no reward");
  }
  float none = 0;
  for (const Column& column : columns_) {
    if (column.rows.has_surprise()) none = std::min(none, column.rows.surprise);
  }
  const float threshold = static_cast<float>(now_->surprise_threshold);
  const float full = std::isfinite(threshold) && threshold > none ? threshold : all.surprise;
  if (all.has_surprise()) DrawSurprise(draw, columns_, heat, none, full);
  DrawEvents(draw, columns_, events, shown_events);

  for (const PathPiece& piece : path_.pieces()) {  // where branches begin
    if (piece.start == 0) continue;
    const float x = axis_.X(static_cast<double>(piece.branch->info->first_step));
    draw->AddLine({x, curve.low.y}, {x, curve.high.y}, BranchColour(piece.branch->info->id, 0.8f));
  }
}

void TimelineStrip::DrawMarks(const Box& box) const {
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float font = ImGui::GetFontSize();
  const auto mark = [&](double step, const char* text, ImU32 colour) {
    const float x = axis_.X(step);
    if (x < box.low.x || x > box.high.x || box.height() < font) return;
    draw->AddLine({x, box.low.y}, {x, box.high.y}, colour);
    draw->AddText({x + 0.25f * font, box.high.y - 1.1f * font}, colour, text);
  };
  const ImU32 parting = EventColour(kPartingEvent), predicted = ImGui::ColorConvertFloat4ToU32(colours::kPredicted);
  if (const PredictedVersusReal* compared = now_->compared.get(); compared && path_.IndexOf(compared->from)) {
    const double from = static_cast<double>(now_->timeline.StepOf(compared->from));
    const float y = box.low.y + 0.15f * font;
    draw->AddLine({axis_.X(from), y}, {axis_.X(from + compared->steps), y}, predicted, std::max(1.0f, 0.15f * font));
    if (compared->parts_at > 0) mark(from + compared->parts_at, "they part", parting);
  }
  if (now_->imagination.frozen && path_.IndexOf(*now_->imagination.frozen)) {
    mark(static_cast<double>(now_->timeline.StepOf(*now_->imagination.frozen)), "predicted from here", predicted);
  }
}

void TimelineStrip::DrawPlayhead(const Box& box) const {
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float x = axis_.X(PlayheadStep()), r = 0.4f * ImGui::GetFontSize();
  const ImU32 colour = ImGui::GetColorU32(ImGuiCol_Text);
  draw->AddLine({x, box.low.y}, {x, box.high.y}, colour, std::max(1.0f, ImGui::GetFontSize() / 10));
  draw->AddTriangleFilled({x - r, box.low.y}, {x + r, box.low.y}, {x, box.low.y + 1.5f * r}, colour);
}

bool TimelineStrip::DrawLanes(App& app, ImVec2 size) {
  const float font = ImGui::GetFontSize();
  const Box box = {ImGui::GetCursorScreenPos(),
                   {ImGui::GetCursorScreenPos().x + size.x, ImGui::GetCursorScreenPos().y + size.y}};
  bool moved = false;
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {0, 0});
  ImGui::BeginChild("lanes", size, false, ImGuiWindowFlags_NoBackground);
  lane_height_ = 0.6f * font;
  lanes_top_ = ImGui::GetCursorScreenPos().y;
  const float height = (static_cast<float>(lanes_.size()) + 0.4f) * lane_height_;
  const bool scrolls = height > size.y;
  ImGui::InvisibleButton("lane", {std::max(1.0f, ImGui::GetContentRegionAvail().x), height},
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight |
                             ImGuiButtonFlags_MouseButtonMiddle);
  HandleView(!scrolls || ImGui::GetIO().KeyCtrl);
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const auto hit = static_cast<int64_t>(std::floor((mouse.y - lanes_top_) / lane_height_));
  const Lane* under = ImGui::IsItemHovered() && hit >= 0 && hit < static_cast<int64_t>(lanes_.size())
                          ? &lanes_[static_cast<size_t>(hit)]
                          : nullptr;

  ImDrawList* draw = ImGui::GetWindowDrawList();
  std::unordered_map<int, size_t> lane_of;
  for (size_t i = 0; i < lanes_.size(); ++i) lane_of[lanes_[i].branch->info->id] = i;
  const float thin = std::max(1.0f, font / 12);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    const int id = lane.branch->info->id;
    const float y = lanes_top_ + (static_cast<float>(i) + 0.5f) * lane_height_;
    const float x0 = axis_.X(static_cast<double>(StepOf(*lane.branch, lane.first)));
    const float x1 = std::max(axis_.X(static_cast<double>(StepOf(*lane.branch, lane.last))), x0 + 2);
    const float fork = axis_.X(lane.fork_step);
    float from = y;
    if (lane.parent >= 0) {  // hangs on the path above, or on its parent's lane
      const bool on_path = lane.parent == id || path_.IndexOf({lane.parent, lane.branch->info->parent_row});
      const auto parent = lane_of.find(lane.parent);
      if (on_path) from = box.low.y;
      else if (parent != lane_of.end()) from = lanes_top_ + (static_cast<float>(parent->second) + 0.5f) * lane_height_;
    }
    if (std::max(from, y) < box.low.y || std::min(from, y) > box.high.y) continue;
    const bool bright = under == &lane;
    if (from != y) draw->AddLine({fork, from}, {fork, y}, BranchColour(id, bright ? 1.0f : 0.5f), thin);
    if (y < box.low.y - lane_height_ || y > box.high.y + lane_height_) continue;
    draw->AddLine({x0, y}, {x1, y}, BranchColour(id), bright ? 4 * thin : 2 * thin);
    if (lane.branch->diverged) DrawEventGlyph(draw, kDivergenceEvent, {x1, y}, 0.25f * font);
    else if (lane.branch->ended) DrawEventGlyph(draw, kEndEvent, {x1, y}, 0.25f * font);
  }
  if (under) {
    const int64_t row = std::llround(axis_.Step(mouse.x)) - under->branch->info->first_step;
    const TimelinePlace place = {under->branch->info->id, std::clamp(row, under->first, under->last)};
    if (!ImGui::IsPopupOpen("strip menu")) Describe(place);
    if (ImGui::IsItemClicked(ImGuiMouseButton_Left)) moved = GoTo(app, place);
    if (ImGui::IsMouseReleased(ImGuiMouseButton_Right) && !panned_) menu_place_ = place;
  }
  const bool open_menu = under && ImGui::IsMouseReleased(ImGuiMouseButton_Right) && !panned_;
  ImGui::EndChild();
  ImGui::PopStyleVar(2);
  if (open_menu) OpenMenu(menu_place_);
  return moved;
}

void TimelineStrip::HandleView(bool wheel_zooms) {
  const ImGuiIO& io = ImGui::GetIO();
  if (wheel_zooms && ImGui::IsItemHovered() && io.MouseWheel != 0) {
    const double at = axis_.Step(io.MousePos.x), factor = std::pow(1.25, -io.MouseWheel);
    const double first = at - (at - axis_.first) * factor;
    Show(first, std::min(first + (axis_.last - axis_.first) * factor, 1e12));
  }
  for (const ImGuiMouseButton button : {ImGuiMouseButton_Middle, ImGuiMouseButton_Right}) {
    if (ImGui::IsItemActivated()) panned_ = false;
    if (!ImGui::IsItemActive() || !ImGui::IsMouseDragging(button) || io.MouseDelta.x == 0) continue;
    const double moved = std::max(-io.MouseDelta.x * axis_.steps_per_px(), -axis_.first);
    Show(axis_.first + moved, axis_.last + moved);
    panned_ = true;
  }
}

void TimelineStrip::OpenMenu(TimelinePlace place) {
  menu_place_ = place;
  ImGui::OpenPopup("strip menu");
}

bool TimelineStrip::DrawMenu(App& app) {
  if (!ImGui::BeginPopup("strip menu")) return false;
  const TimelinePlace place = menu_place_;
  const BranchView* branch = now_->timeline.Find(place.branch);
  if (!branch || !branch->Has(place.row)) {
    ImGui::CloseCurrentPopup();
    ImGui::EndPopup();
    return false;
  }
  bool moved = false;
  const long long step = now_->timeline.StepOf(place);
  ImGui::TextDisabled("Step %lld of %s", step, branch->info->label.c_str());
  ImGui::Separator();
  if (ImGui::MenuItem("Go here")) moved = GoTo(app, place);
  if (ImGui::MenuItem(place.row + 1 < branch->rows ? "Play from here (makes a branch)" : "Play from here")) {
    moved |= GoTo(app, place);
    app.session->Play();
  }
  if (ImGui::MenuItem("Freeze a prediction here")) {
    ImaginationOptions options = now_->imagination;
    options.frozen = place;
    app.session->SetImagination(options);
  }
  ImGui::Separator();
  if (ImGui::MenuItem("Show all", nullptr, fit_)) Fit();
  ImGui::Separator();
  // A branch that what is shown grew from cannot go.
  std::set<int> kept;
  for (const BranchView* ancestor : now_->timeline.Lineage(now_->now.branch)) kept.insert(ancestor->info->id);
  if (ImGui::MenuItem("Remove branch", nullptr, false, !kept.contains(place.branch))) {
    app.session->RemoveBranch(place.branch);
  }
  if (ImGui::MenuItem("Remove all other branches", nullptr, false, kept.size() < now_->timeline.branches.size())) {
    for (const BranchView& other : now_->timeline.branches) {
      if (!kept.contains(other.info->id)) app.session->RemoveBranch(other.info->id);
    }
  }
  ImGui::EndPopup();
  return moved;
}

void TimelineStrip::Describe(TimelinePlace place) const {
  const BranchView* branch = now_->timeline.Find(place.branch);
  if (!branch || !branch->Has(place.row)) return;
  const int64_t step = StepOf(*branch, place.row);
  ImGui::BeginTooltip();
  ImGui::TextUnformatted(branch->info->label.c_str());
  ImGui::Text("Step %lld, %.4g s", static_cast<long long>(step),
              static_cast<double>(step) * now_->timeline.control_step_s);
  if (place.row > 0) {
    if (now_->task && !now_->task->reward().empty()) ImGui::Text("Reward %.4g", branch->Reward(place.row));
    ImGui::Text("Acted: %s", ActorName(static_cast<Actor>(branch->ActorOf(place.row))).c_str());
  }
  const float surprise = branch->Get(Judged::kSurprise, place.row);
  if (std::isfinite(surprise)) ImGui::Text("Surprise %.3g", surprise);
  const std::string events = EventsInWords(branch->Events(place.row));
  if (!events.empty()) ImGui::TextUnformatted(events.c_str());
  ImGui::EndTooltip();
}

}  // namespace reverie::desktop
