#include "ui/desktop/episode_table.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <numeric>
#include <utility>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "ui/desktop/panel_parts.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

std::string SuccessText(const EpisodeSummary& row) {
  if (!row.has_success) return "";
  return row.success_end ? "at the end" : row.success_any ? "on the way" : "no";
}

int SuccessRank(const EpisodeSummary& row) { return row.has_success ? 1 + row.success_any + row.success_end : 0; }

}  // namespace

std::string EndText(const EpisodeSummary& row) {
  if (!row.diverged.empty()) return "diverged at " + row.diverged;
  return row.terminated ? "terminated" : row.truncated ? "time limit" : "left";
}

void EpisodeTable::Clear() {
  rows_.clear();
  shown_.clear();
  has_success_ = false;
  stale_ = true;
}

void EpisodeTable::Add(std::vector<EpisodeSummary> rows) {
  for (const EpisodeSummary& row : rows) has_success_ |= row.has_success;
  std::move(rows.begin(), rows.end(), std::back_inserter(rows_));
  stale_ = true;
}

void EpisodeTable::SortBy(Column column, bool descending) {
  stale_ |= column != column_ || descending != descending_;
  column_ = column;
  descending_ = descending;
}

void EpisodeTable::Filter(const std::string& words, std::optional<double> minimum_return) {
  stale_ |= words != words_ || minimum_return != minimum_return_;
  words_ = words;
  minimum_return_ = minimum_return;
}

bool EpisodeTable::Matches(const EpisodeSummary& row) const {
  // Negated, so that a return that is no number is no match.
  if (minimum_return_ && !(row.episode_return >= *minimum_return_)) return false;
  if (words_.empty()) return true;
  const std::string success = row.success_any ? " success " : " ";
  return Finds(words_, std::to_string(row.index) + " " + EndText(row) + success + SuccessText(row) + " " +
                           std::to_string(row.seed));
}

const std::vector<size_t>& EpisodeTable::Shown() {
  if (!stale_) return shown_;
  stale_ = false;
  shown_.clear();
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (Matches(rows_[i])) shown_.push_back(i);
  }
  const auto sort = [this](const auto& key) {
    std::stable_sort(shown_.begin(), shown_.end(), [&](size_t a, size_t b) {
      const auto x = key(rows_[a]), y = key(rows_[b]);
      return descending_ ? y < x : x < y;
    });
  };
  switch (column_) {
    case kIndex: sort([](const EpisodeSummary& row) { return row.index; }); break;
    case kSteps: sort([](const EpisodeSummary& row) { return row.steps; }); break;
    case kReturn:
      // A return that is no number has no place among the others: it goes last.
      std::stable_sort(shown_.begin(), shown_.end(), [this](size_t a, size_t b) {
        const double x = rows_[a].episode_return, y = rows_[b].episode_return;
        if (x != x || y != y) return x == x && y != y;
        return descending_ ? y < x : x < y;
      });
      break;
    case kSuccess: sort(SuccessRank); break;
    case kEnd: sort(EndText); break;
    case kSeed: sort([](const EpisodeSummary& row) { return row.seed; }); break;
    case kColumns: break;
  }
  return shown_;
}

std::optional<size_t> EpisodeTable::Draw(std::optional<size_t> chosen, float height_px) {
  const float em = ImGui::GetFontSize();
  std::string words = words_;
  ImGui::SetNextItemWidth(9 * em);
  ImGui::InputTextWithHint("##filter", "filter episodes", &words);
  theme::Tooltip("Words that an episode's row must contain: a number, \"success\", \"terminated\", \"diverged\"");
  if (ImGui::GetContentRegionAvail().x > 24 * em) ImGui::SameLine();
  ImGui::Checkbox("return at least", &by_return_);
  ImGui::SameLine();
  ImGui::SetNextItemWidth(5 * em);
  ImGui::InputDouble("##least", &typed_return_, 0, 0, "%g");
  Filter(words, by_return_ ? std::optional(typed_return_) : std::nullopt);
  ImGui::TextDisabled("%zu of %zu episodes", Shown().size(), rows_.size());

  std::optional<size_t> clicked;
  const ImGuiTableFlags flags = ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY | ImGuiTableFlags_ScrollX |
                                ImGuiTableFlags_Resizable | ImGuiTableFlags_BordersOuter | ImGuiTableFlags_Sortable |
                                ImGuiTableFlags_SizingFixedFit | ImGuiTableFlags_Hideable;
  if (!ImGui::BeginTable("##episodes", kColumns, flags, ImVec2(0, height_px))) return clicked;
  ImGui::TableSetupScrollFreeze(0, 1);
  ImGui::TableSetupColumn("Episode", ImGuiTableColumnFlags_DefaultSort, 4.5f * em, kIndex);
  ImGui::TableSetupColumn("Steps", 0, 4 * em, kSteps);
  ImGui::TableSetupColumn("Return", ImGuiTableColumnFlags_PreferSortDescending, 5 * em, kReturn);
  ImGui::TableSetupColumn("Success", ImGuiTableColumnFlags_PreferSortDescending, 5.5f * em, kSuccess);
  ImGui::TableSetupColumn("End", 0, 7 * em, kEnd);
  ImGui::TableSetupColumn("Seed", 0, 11 * em, kSeed);
  ImGui::TableSetColumnEnabled(kSuccess, has_success_);
  ImGui::TableHeadersRow();
  if (const ImGuiTableSortSpecs* specs = ImGui::TableGetSortSpecs(); specs && specs->SpecsCount > 0) {
    SortBy(static_cast<Column>(specs->Specs[0].ColumnUserID),
           specs->Specs[0].SortDirection == ImGuiSortDirection_Descending);
  }
  const std::vector<size_t>& shown = Shown();
  ImGuiListClipper clipper;
  clipper.Begin(static_cast<int>(shown.size()));
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      const size_t number = shown[static_cast<size_t>(i)];
      const EpisodeSummary& row = rows_[number];
      const auto cell = [](const std::string& text) {
        if (ImGui::TableNextColumn()) ImGui::TextUnformatted(text.data(), text.data() + text.size());
      };
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      ImGui::PushID(static_cast<int>(number));
      const std::string index = std::to_string(row.index);
      if (ImGui::Selectable(index.c_str(), chosen == number, ImGuiSelectableFlags_SpanAllColumns)) clicked = number;
      ImGui::PopID();
      cell(std::to_string(row.steps));
      cell(Number(row.episode_return));
      cell(SuccessText(row));
      cell(EndText(row));
      cell(std::to_string(row.seed));
    }
  }
  ImGui::EndTable();
  return clicked;
}

}  // namespace reverie::desktop
