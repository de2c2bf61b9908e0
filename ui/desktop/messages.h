// Lines for the person: shown for some seconds over the window, kept in a log. Errors stay until dismissed.
// Window's thread only.
#pragma once

#include <string>
#include <vector>

namespace reverie::desktop {

class Messages {
 public:
  void Say(const std::string& text);
  void Error(const std::string& text);
  /// Draws those that are fresh, stacked in the corner of the whole window.
  void Draw(double now_s);
  /// Whether one is shown that will go by itself, so that frames are needed.
  bool fresh() const;
  void DismissAll();
  struct Line {
    std::string text;
    bool error = false;
    double since_s = -1;  // set when first drawn
    bool dismissed = false;
    int repeated = 1;     // the same line again counts up instead of filling the screen
  };
  const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<Line> lines_;
};

}  // namespace reverie::desktop
