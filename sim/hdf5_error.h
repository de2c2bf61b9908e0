// HDF5's error stack as one line. The stack, and whether HDF5 prints it, belong to the calling thread.
#pragma once

#include <string>

namespace reverie {

/// Stops HDF5 from printing its error stack in this thread. To be called before anything else of HDF5.
void SilenceHdf5();

/// Throws DatasetError: "`where`: expected `expected`, found <HDF5's innermost reason>".
[[noreturn]] void ThrowHdf5(const std::string& where, const std::string& expected);

}  // namespace reverie
