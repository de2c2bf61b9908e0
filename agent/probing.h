// What the latents of a joint-embedding model tell: fits probes and a decoder to its frozen latents, and measures on
// held-out episodes how well they read quantities and draw pictures, of what is seen and of what is imagined some
// predictions ahead, and how often what then happened lay within the intervals stated. One thread, and one that reads
// ahead.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/frame_windows.h"
#include "worldmodel/jepa_probes.h"

namespace reverie {

struct ProbingOptions {
  int64_t steps = 1000;                  // updates of the probes
  std::vector<int> horizons = {1, 5, 10};  // predictions, ascending
  std::vector<std::string> channels;     // to be read; none: all of the observation
  uint64_t seed = 0;
  std::shared_ptr<const FrameFeatures> features;  // of the frames, by the model's encoder(); null: frames are encoded as read
};

/// The windows to learn and measure from: as long as the longest horizon, with the observation beside the pictures.
FrameWindowOptions ProbingWindows(const Jepa& model, const ProbingOptions& options, const std::string& camera);

/// Fits probes; the model stays as it is. @return  null if `stop` ended it.
/// @param windows  as ProbingWindows has them. @param report  after every update; may be null.
std::unique_ptr<JepaProbes> FitProbes(const Jepa& model, FrameWindows& windows, const ProbingOptions& options,
                                      const std::string& device,
                                      const std::function<void(int64_t updates, const JepaProbes::Losses&)>& report,
                                      std::stop_token stop);

struct ProbingReport {
  /// R-squared: share of the variance in held-out episodes that is read; NaN of what does not vary there.
  struct Quantity {
    std::string label;
    double deviation = 0;                              // in the data learned from, SI units
    double linear = 0, mlp = 0;                        // of encoded latents
    std::vector<double> linear_imagined, mlp_imagined;  // per horizon
    std::vector<double> coverage90;                    // of the MLP's intervals, per horizon
  };
  struct Horizon {
    int predictions = 0;
    double error = 0;                       // squared, of latents, over that of no change
    double coverage90 = 0, uncalibrated90 = 0;  // of latents
    double psnr_db = 0;                     // of imagined pictures
  };
  std::vector<Quantity> quantities;
  std::vector<Horizon> horizons;
  double psnr_db = 0;                       // of pictures drawn from encoded latents
  int64_t episodes = 0, windows = 0;        // held out
  FrameWindow typical, worst;               // of median and of greatest error of the imagined pictures

  nlohmann::ordered_json ToJson() const;
};

/// Measures on held-out episodes. Coverage is that of intervals stretched by what other held-out episodes showed: with
/// `fitted`, those of odd number by the even ones and the other way round, after which `probes` keeps the factors of
/// all of them; otherwise by the factors that `probes` has.
/// @param report  after every episode; may be null. @return  without windows if `stop` ended it.
ProbingReport MeasureProbes(const Jepa& model, JepaProbes& probes, FrameWindows& windows, const ProbingOptions& options,
                            bool fitted, const std::function<void(int64_t episodes)>& report, std::stop_token stop);

/// A window as it was, and as it is imagined from its first picture and its actions.
struct ImaginedWindow {
  int64_t pictures = 0;             // the first is seen and drawn again, the others are imagined
  std::vector<uint8_t> real, drawn;  // (pictures, height, width, 3)
};

ImaginedWindow ImagineWindow(const Jepa& model, const JepaProbes& probes, FrameWindows& windows, const FrameWindow& window);

}  // namespace reverie
