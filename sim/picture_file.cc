#include "sim/picture_file.h"

#include <cstring>

#include <png.h>

#include "sim/error.h"
#include "sim/libav.h"

namespace reverie {

Picture ReadPng(const std::filesystem::path& path) {
  png_image image;
  std::memset(&image, 0, sizeof(image));
  image.version = PNG_IMAGE_VERSION;
  const auto refuse = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    return Error("picture " + path.string() + ": expected a PNG file, found: " + reason);
  };
  if (!png_image_begin_read_from_file(&image, path.c_str())) throw refuse();
  image.format = PNG_FORMAT_RGB;
  Picture picture(static_cast<int>(image.width), static_cast<int>(image.height));
  const png_color black = {0, 0, 0};
  if (!png_image_finish_read(&image, &black, picture.rgb.data(), 0, nullptr)) throw refuse();
  return picture;
}

Picture Resized(const Picture& picture, int width, int height) {
  if (picture.width == width && picture.height == height) return picture;
  Picture resized(width, height);
  const libav::Scaler scaler(sws_getContext(picture.width, picture.height, AV_PIX_FMT_RGB24, width, height,
                                            AV_PIX_FMT_RGB24, SWS_AREA | SWS_ACCURATE_RND, nullptr, nullptr, nullptr));
  if (!scaler) throw Error("a picture of " + std::to_string(picture.width) + " x " + std::to_string(picture.height) +
                           " pixels cannot be resized");
  const uint8_t* from[] = {picture.rgb.data()};
  uint8_t* to[] = {resized.rgb.data()};
  const int from_stride[] = {3 * picture.width}, to_stride[] = {3 * width};
  sws_scale(scaler.get(), from, from_stride, 0, picture.height, to, to_stride);
  return resized;
}

}  // namespace reverie
