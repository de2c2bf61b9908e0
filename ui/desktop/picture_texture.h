// Pictures in memory as textures that ImGui can show. The window implements it with OpenGL; tests without one
// use the null implementation.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <imgui.h>

namespace reverie::desktop {

class PictureTextures {
 public:
  virtual ~PictureTextures() = default;
  /// Puts a picture into the texture called `name`, made or resized as needed.
  /// @param rgb  (height, width, 3), first row on top.
  virtual ImTextureID Upload(const std::string& name, int width, int height, std::span<const uint8_t> rgb) = 0;
  /// How many there were so far.
  virtual int64_t uploads() const { return 0; }

  /// The context is gone, and all textures with it: they have to be uploaded anew.
  virtual void ContextLost() { ++losses_; }
  int64_t losses() const { return losses_; }

 private:
  int64_t losses_ = 0;
};

/// In the OpenGL context that is current, on the thread that has it; so is their destruction.
std::unique_ptr<PictureTextures> MakeGlTextures();

class NullTextures : public PictureTextures {
 public:
  ImTextureID Upload(const std::string&, int, int, std::span<const uint8_t>) override { return nullptr; }
};

}  // namespace reverie::desktop
