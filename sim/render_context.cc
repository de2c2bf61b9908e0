#include "sim/render_context.h"

#include <mutex>

#include "sim/error.h"
#include "sim/mujoco_messages.h"

namespace reverie {
namespace {

// MuJoCo keeps the loaded GL functions in globals that every mjr_makeContext writes again.
std::mutex mjr_mutex;

}  // namespace

int GeomCapacity(const mjModel* model) {
  return 2000 + static_cast<int>(model->ngeom + model->nsite + 2 * model->nwrap + 64 * model->ntendon +
                                 4 * model->nu + 2 * model->nsensordata + model->nflexelem);
}

RenderContext::RenderContext(const GlContext& gl, const mjModel* model)
    : gl_(gl), context_(std::make_unique<mjrContext>()) {
  InstallMujocoHandlers();
  mjr_defaultContext(context_.get());
  const GlContext::Scope current(gl_);
  {
    const std::lock_guard lock(mjr_mutex);
    mjr_makeContext(model, context_.get(), mjFONTSCALE_100);
  }
  mjr_setBuffer(mjFB_OFFSCREEN, context_.get());
}

RenderContext::~RenderContext() {
  try {
    const GlContext::Scope current(gl_);
    mjr_freeContext(context_.get());
  } catch (const DeviceError&) {
    // Another API's window context is current on this thread, or the context is lost: EGL frees these objects
    // with it.
  }
}

}  // namespace reverie
