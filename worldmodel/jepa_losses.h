// What keeps the latents of a joint-embedding model from collapsing. Internal: needs Torch.
#pragma once

#include <torch/torch.h>

namespace reverie {

/// Distance of the latents' distribution from a standard Gaussian, seen along random directions: the Epps-Pulley
/// statistic of each projection, over 17 frequencies from 0 to 3, weighted by the Gaussian's own characteristic
/// function; times the number of rows, averaged over directions and groups.
/// @param latents     (groups, rows, D): each group, one time step of a batch, is a sample of its own.
/// @param directions  (D, M) of unit length.
/// Source: Balestriero and LeCun 2025, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the Heuristics".
torch::Tensor SigReg(const torch::Tensor& latents, const torch::Tensor& directions);

/// Unit vectors drawn from `generator`, (D, M), on the CPU.
torch::Tensor RandomDirections(int64_t dimensions, int64_t count, torch::Generator& generator);

/// Hinge on each dimension's standard deviation below 1, and mean square of the covariances between dimensions.
/// @param latents  (groups, rows, D). @return  two numbers, averaged over the groups.
/// Source: Bardes et al. 2022, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning".
std::pair<torch::Tensor, torch::Tensor> VicReg(const torch::Tensor& latents);

}  // namespace reverie
