#include "worldmodel/device.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/native/DispatchStub.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include "sim/error.h"
#include "worldmodel/simulator_model.h"

namespace reverie {

std::string ResolveDevice(const std::string& name) {
  const int count = torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
  if (name == "cpu") return name;
  if (name == "auto") return count > 0 ? "cuda:0" : "cpu";
  if (name == "cuda" || name.starts_with("cuda:")) {
    const std::string index = name == "cuda" ? "0" : name.substr(5);
    const bool number = !index.empty() && index.size() < 4 && index.find_first_not_of("0123456789") == std::string::npos;
    if (number && std::stoi(index) < count) return "cuda:" + index;
    throw DeviceError("device '" + name + "': this machine has " +
                      (count == 0 ? std::string("no CUDA device that this build of Torch (") + TORCH_VERSION +
                                        ") can use; use --device cpu, or give a CUDA build with --torch DIR"
                                  : std::to_string(count) + " CUDA device(s), cuda:0 to cuda:" +
                                        std::to_string(count - 1)));
  }
  throw DeviceError("device '" + name + "': expected auto, cpu, cuda or cuda:<index>");
}

void SetTorchThreads(int threads) { at::set_num_threads(threads > 0 ? threads : AvailableThreads()); }

int TorchThreads() { return at::get_num_threads(); }

double MatrixProductRate(const std::string& device) {
  constexpr int64_t kSize = 1024;
  constexpr int kRuns = 15;
  c10::InferenceMode inference;
  const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(c10::Device(device));
  const at::Tensor a = at::ones({kSize, kSize}, options), b = at::ones({kSize, kSize}, options);
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) {
    const auto began = std::chrono::steady_clock::now();
    at::matmul(a, b).select(0, 0).select(0, 0).item<float>();  // reading one number waits for a device
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    rates.push_back(2.0 * kSize * kSize * kSize / seconds);
  }
  std::nth_element(rates.begin(), rates.begin() + kRuns / 2, rates.end());
  return rates[kRuns / 2];
}

DeviceReport DescribeDevices() {
  DeviceReport report;
  report.torch_version = TORCH_VERSION;
  report.cuda = torch::cuda::is_available();
  report.cuda_devices = report.cuda ? static_cast<int>(torch::cuda::device_count()) : 0;
  report.threads = TorchThreads();
  report.cpu_capability = at::get_cpu_capability();
  return report;
}

}  // namespace reverie
