// Which device models run on, and how many threads Torch takes.
#pragma once

#include <string>

namespace reverie {

/// "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1" to the name of a device that is there.
/// @throws DeviceError saying what was asked for and what the machine has.
std::string ResolveDevice(const std::string& name);

/// Sets Torch's thread count for this process; 0: the processors this process may use.
void SetTorchThreads(int threads);
int TorchThreads();

/// Floating-point operations per second of a large float32 matrix product with Torch's present threads: the median
/// of several. What a learned model's own rate is set against.
double MatrixProductRate(const std::string& device);

struct DeviceReport {
  std::string torch_version;
  bool cuda = false;
  int cuda_devices = 0;
  int threads = 0;
  std::string cpu_capability;  // "AVX512", "AVX2", "DEFAULT"
};
DeviceReport DescribeDevices();

}  // namespace reverie
