// The precompiled header of sources that need Torch.
#pragma once

#include <torch/torch.h>
