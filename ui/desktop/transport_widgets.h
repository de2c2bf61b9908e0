// Small widgets of the transport row: buttons with drawn icons, and a row that wraps. Window's thread only.
#pragma once

namespace reverie::desktop {

enum class Icon { kReset, kToStart, kStepBack, kPlay, kPause, kSimulationStep, kStep, kToEnd, kReplay, kFreeze };

/// Items side by side that wrap where the window ends.
class WrappingRow {
 public:
  /// Before an item `width` px wide.
  void Next(float width);

 private:
  bool begun_ = false;
};

/// A button as high as a line. `tooltip` says what it does, and its key.
bool IconButton(WrappingRow& row, const char* id, Icon icon, const char* tooltip, bool enabled = true,
                bool pressed = false);
/// A button with a text.
bool TextButton(WrappingRow& row, const char* label, const char* tooltip, bool enabled = true);

}  // namespace reverie::desktop
