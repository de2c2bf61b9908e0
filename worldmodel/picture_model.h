// What a world model that sees pictures offers beside what every one does: what it looks at, what it draws of what it
// imagines, and how unexpected a picture is to it. As WorldModel, an instance belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "worldmodel/world_model.h"

namespace reverie {

/// What a model that plans to pictures sees, for people to look at.
struct Seen {
  int width = 0, height = 0;       // pixels
  std::vector<uint8_t> now, goal;  // (height, width, 3)
  double energy = 0;               // how far apart they are to the model
  int side = 0;                    // of the landscape; 0: the actions have not two elements
  std::vector<float> landscape;    // (side, side) mean energy along a plan by its first action: columns the first element
                                   // from -1 to 1, rows the second
};

/// What is imagined, drawn, and what was seen instead.
struct ImaginedFilm {
  int width = 0, height = 0, pictures = 0;  // the first is where imagining begins
  double step_s = 0;                        // from one picture to the next
  std::vector<uint8_t> drawn, real;         // (pictures, height, width, 3); real: empty where it has not happened yet
};

class PictureModel : public WorldModel {
 public:
  bool plans_to_pictures() const override { return true; }
  /// What it sees of `belief` and its goal; null where it has none. @param plan  (H, nu).
  virtual std::shared_ptr<const Seen> See(const Belief& belief, std::span<const float> plan) = 0;

  /// Whether Imagine reads channels from what it imagines, where ImagineOptions asks for them.
  virtual bool reads_channels() const { return false; }
  /// How far off each channel is read at best, (nchannels), SI units, huge where it is not; empty where none is.
  virtual std::vector<double> reading_error() const { return {}; }

  /// Draws what follows from lived[0] by `actions`, (H, nu). @param lived  consecutive control steps: all H + 1 of them,
  /// or the first alone; the first with memory() steps of its past. @return  null where it cannot draw, or H is less than one prediction.
  virtual std::shared_ptr<const ImaginedFilm> Film(std::span<const Belief> lived, std::span<const float> actions) {
    (void)lived, (void)actions;
    return nullptr;
  }

  /// How many control steps Surprise looks back.
  virtual int surprise_steps() const = 0;
  /// How unexpected what is seen surprise_steps() control steps after `before` is, over what was to be expected: about 1
  /// as a rule. @param actions  (surprise_steps(), nu).
  virtual double Surprise(const Belief& before, std::span<const float> actions, const Belief& after) = 0;
};

}  // namespace reverie
