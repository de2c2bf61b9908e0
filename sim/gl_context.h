// An OpenGL context without a window or display, through EGL. The EGL display is found once per process and
// kept; each context may be used from any thread, by one thread at a time.
#pragma once

#include <memory>
#include <string>

namespace reverie {

class GlContext {
 public:
  /// @throws DeviceError where no EGL driver gives an OpenGL context: what was tried and what to install.
  GlContext();
  ~GlContext();
  GlContext(const GlContext&) = delete;
  GlContext& operator=(const GlContext&) = delete;

  /// Makes the context this thread's current one for a scope, then puts back what was current before.
  class Scope {
   public:
    /// @throws DeviceError where it cannot be: the driver was reset, or has it on another thread.
    explicit Scope(const GlContext& context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    void PutBack();
    void* display_;
    void* draw_;
    void* read_;
    void* context_;
  };

  /// Asks the driver, where it can tell; the context is current. @throws DeviceError if it was reset: what was drawn
  /// is worth nothing, and all that this context holds is lost. A new one can be made.
  void CheckAlive() const;

  int max_size_px() const { return max_size_px_; }
  int max_samples() const { return max_samples_; }
  bool software() const { return software_; }  // no graphics hardware: the processor draws

  /// Driver, OpenGL version and the way to it: "llvmpipe (...), OpenGL 4.5 ..., EGL surfaceless".
  const std::string& description() const { return description_; }

  /// For tests: as if the driver were reset now, which loses every context there is.
  static void PretendReset();

 private:
  void* context_ = nullptr;
  void* surface_ = nullptr;
  int max_size_px_ = 0;
  int max_samples_ = 0;
  bool software_ = false;
  unsigned (*reset_status_)() = nullptr;  // null: the driver cannot tell
  int pretended_resets_ = 0;              // before this context was made
  std::string description_;
};

/// Has Mesa's software driver draw on the thread that asks for a picture, without threads of its own: right where
/// every thread has a renderer, since more threads than processors only wait for one another. What LP_NUM_THREADS says
/// is left as it is. Call it before the process's first context and while no other thread runs: it sets that variable.
void DrawOnCallingThread();

}  // namespace reverie
