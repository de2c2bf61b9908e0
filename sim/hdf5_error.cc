#include "sim/hdf5_error.h"

#include <hdf5.h>

#include "sim/error.h"

namespace reverie {
namespace {

herr_t KeepInnermost(unsigned, const H5E_error2_t* entry, void* text) {
  *static_cast<std::string*>(text) = entry->desc ? entry->desc : "";
  return 0;
}

// What the system said, without the time and addresses that HDF5 puts around it.
std::string Reason(std::string text) {
  const std::string mark = "error message = '";
  const size_t begin = text.find(mark);
  if (begin != std::string::npos) {
    const size_t end = text.find('\'', begin + mark.size());
    text = text.substr(begin + mark.size(), end - begin - mark.size());
  }
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text.empty() ? "an unnamed HDF5 error" : text;
}

}  // namespace

void SilenceHdf5() {
  // A file that could not be written out stays open in HDF5, which crashes when it tries again as the process
  // ends.
  [[maybe_unused]] static const herr_t no_exit_handler = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void ThrowHdf5(const std::string& where, const std::string& expected) {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, KeepInnermost, &text);
  H5Eclear2(H5E_DEFAULT);
  throw DatasetError(where + ": expected " + expected + ", found: " + Reason(text));
}

}  // namespace reverie
