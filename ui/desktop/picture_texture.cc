#include "ui/desktop/picture_texture.h"

#include <GLFW/glfw3.h>

#include <map>

namespace reverie::desktop {
namespace {

class GlTextures : public PictureTextures {
 public:
  ~GlTextures() override {
    for (const auto& [name, texture] : textures_) glDeleteTextures(1, &texture.id);
  }

  ImTextureID Upload(const std::string& name, int width, int height, std::span<const uint8_t> rgb) override {
    if (width < 1 || height < 1 || rgb.size() < static_cast<size_t>(width) * static_cast<size_t>(height) * 3) {
      return nullptr;
    }
    Texture& texture = textures_[name];
    GLint before = 0;
    glGetIntegerv(GL_TEXTURE_BINDING_2D, &before);
    if (texture.id == 0) {
      glGenTextures(1, &texture.id);
      glBindTexture(GL_TEXTURE_2D, texture.id);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    }
    glBindTexture(GL_TEXTURE_2D, texture.id);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    if (texture.width != width || texture.height != height) {
      glTexImage2D(GL_TEXTURE_2D, 0, GL_RGB8, width, height, 0, GL_RGB, GL_UNSIGNED_BYTE, rgb.data());
      texture.width = width;
      texture.height = height;
    } else {
      glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_RGB, GL_UNSIGNED_BYTE, rgb.data());
    }
    glBindTexture(GL_TEXTURE_2D, static_cast<GLuint>(before));
    ++uploads_;
    return reinterpret_cast<ImTextureID>(static_cast<uintptr_t>(texture.id));
  }
  int64_t uploads() const override { return uploads_; }
  void ContextLost() override {
    textures_.clear();
    PictureTextures::ContextLost();
  }

 private:
  struct Texture {
    GLuint id = 0;
    int width = 0, height = 0;
  };
  std::map<std::string, Texture> textures_;
  int64_t uploads_ = 0;
};

}  // namespace

std::unique_ptr<PictureTextures> MakeGlTextures() {
  return std::make_unique<GlTextures>();
}

}  // namespace reverie::desktop
