#include "agent/surprise_evaluation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <span>
#include <thread>

#include "sim/frame_recorder.h"
#include "worldmodel/device.h"
#include "worldmodel/roc.h"

namespace reverie {
namespace {

/// Looks at twins and judges what it sees.
class Witness {
 public:
  Witness(const FrameJudge& judge, const PolicySource& policy)
      : judge_(judge),
        task_(judge.task()),
        proprioception_(judge.proprioception()),
        stream_(StreamsOf(judge.frames()).front()),
        recorder_(task_->model(), judge.frames()),
        twins_(task_, policy) {}

  MatchedPair Draw(const Violation& violation, uint64_t seed, int64_t pair) {
    return twins_.Draw(violation, seed, pair, static_cast<int>(judge_.first_judged()), WindowOf(violation, judge_));
  }

  /// Judges states `first` to `last`, fewer where the simulation diverges.
  FrameSurprise Judge(const MatchedPair& pair, const Violation* violation, int first, int last,
                      std::vector<std::vector<uint8_t>>* frames = nullptr) {
    const CompiledTask& task = *task_;
    const auto bytes = static_cast<size_t>(stream_.frame_bytes()), nu = static_cast<size_t>(task.action_size());
    std::vector<uint8_t> pixels;
    std::vector<float> felt;
    std::vector<double> channels(static_cast<size_t>(task.channel_size()));
    int64_t count = 0;
    twins_.Visit(pair, violation, first, last, [&](int, const mjModel* model, mjData* data) {
      pixels.resize(pixels.size() + bytes);
      recorder_.Draw(model, data, stream_, std::span(pixels).last(bytes));
      task.Observe(model, data, channels);
      for (const int element : proprioception_) felt.push_back(static_cast<float>(channels[static_cast<size_t>(element)]));
      if (frames != nullptr) frames->emplace_back(pixels.end() - static_cast<std::ptrdiff_t>(bytes), pixels.end());
      ++count;
    });
    const double* from = pair.possible->actions.data() + static_cast<size_t>(first) * nu;
    const std::vector<float> actions(from, from + static_cast<size_t>(std::max<int64_t>(0, count - 1)) * nu);
    return judge_.Judge(count, pixels, actions, felt);
  }

  PairSurprise Score(const Violation& violation, uint64_t seed, int64_t pair) {
    const MatchedPair drawn = Draw(violation, seed, pair);
    const int before = static_cast<int>(judge_.first_judged()), window = WindowOf(violation, judge_);
    const auto greatest = [&](const Violation* of) {
      const FrameSurprise scores = Judge(drawn, of, drawn.moment - before, drawn.moment + window - 1);
      return static_cast<double>(*std::max_element(scores.surprise.begin() + before, scores.surprise.end()));
    };
    return {pair, drawn.possible->seed, drawn.moment, greatest(nullptr), greatest(&violation)};
  }

 private:
  const FrameJudge& judge_;
  const std::shared_ptr<const CompiledTask> task_;
  const std::vector<int> proprioception_;
  FrameStream stream_;
  FrameRecorder recorder_;
  Twins twins_;
};

double ControlStep(const CompiledTask& task) { return task.env_step_s() * task.spec().action_repeat; }

}  // namespace

double ViolationSurprise::Auroc() const {
  std::vector<double> possible, impossible;
  for (const PairSurprise& pair : pairs) {
    possible.push_back(pair.possible);
    impossible.push_back(pair.impossible);
  }
  return AreaUnderRoc(impossible, possible);
}

double ViolationSurprise::PairsTold() const {
  double told = 0.0;
  for (const PairSurprise& pair : pairs) told += pair.impossible > pair.possible ? 1.0 : pair.impossible == pair.possible ? 0.5 : 0.0;
  return told / static_cast<double>(std::max<size_t>(1, pairs.size()));
}

int WindowOf(const Violation& violation, const FrameJudge& judge) {
  const auto seen = static_cast<int>(std::lround(violation.window_s() / ControlStep(*judge.task())));
  return std::max(judge.ahead(), seen);
}

SurpriseEvaluation EvaluateSurprise(const FrameJudge& judge, const std::vector<Violation>& violations, const PolicySource& policy,
                                    int64_t pairs, uint64_t seed, int workers, const std::function<void(int64_t)>& done,
                                    std::stop_token stop) {
  SurpriseEvaluation evaluation;
  for (const Violation& violation : violations) {
    ViolationSurprise& result = evaluation.violations.emplace_back();
    result.violation = violation.name();
    result.control = violation.control();
    result.window = WindowOf(violation, judge);
    result.pairs.resize(static_cast<size_t>(pairs));
  }
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  std::stop_source failed;
  int64_t scored = 0;
  // Made and destroyed one after the other on this thread: they own renderers, and Mesa's software driver may crash where
  // one thread destroys a context while another draws.
  std::vector<std::unique_ptr<Witness>> witnesses;
  const auto count = static_cast<size_t>(std::clamp<int64_t>(workers, 1, std::max<int64_t>(1, pairs)));
  while (witnesses.size() < count) witnesses.push_back(std::make_unique<Witness>(judge, policy));
  const auto work = [&](Witness* witness) {
    try {
      SetTorchThreads(1);  // counts for the thread that calls it
      for (int64_t k = next++; k < pairs; k = next++) {
        for (size_t v = 0; v < violations.size(); ++v) {
          if (stop.stop_requested() || failed.stop_requested()) return;
          evaluation.violations[v].pairs[static_cast<size_t>(k)] = witness->Score(violations[v], seed, k);
          const std::lock_guard lock(mutex);
          ++scored;
          if (done) done(scored);
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      failed.request_stop();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (const std::unique_ptr<Witness>& witness : witnesses) threads.emplace_back(work, witness.get());
  }
  if (error) std::rethrow_exception(error);
  evaluation.interrupted = stop.stop_requested();
  return evaluation;
}

TwinFilm FilmTwins(const FrameJudge& judge, const Violation& violation, const PolicySource& policy, int64_t pair, uint64_t seed,
                   int before, int after) {
  Witness witness(judge, policy);
  const MatchedPair drawn = witness.Draw(violation, seed, pair);
  TwinFilm film;
  film.violation = violation.name();
  film.control = violation.control();
  film.moment = drawn.moment;
  film.first = std::max(0, drawn.moment - before);
  film.width = judge.frames().width;
  film.height = judge.frames().height;
  const int last = std::min(static_cast<int>(drawn.possible->steps), drawn.moment + after);
  film.possible_surprise = witness.Judge(drawn, nullptr, film.first, last, &film.possible).surprise;
  film.impossible_surprise = witness.Judge(drawn, &violation, film.first, last, &film.impossible).surprise;
  return film;
}

}  // namespace reverie
