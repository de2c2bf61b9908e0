# Finds LibTorch in a PyTorch wheel or a LibTorch archive and links its libraries by name.
# Torch's own TorchConfig.cmake asks for the CUDA toolkit when the build has CUDA; running needs only
# the driver, and Reverie compiles no kernels, so the libraries are enough.
#
# Input:  LibTorch_ROOT  folder that holds include/ and lib/ (site-packages/torch, or libtorch/);
#         REVERIE_PYTHON asked where its torch package lies when LibTorch_ROOT is not set.
# Output: LibTorch::LibTorch, LibTorch_VERSION, LibTorch_CUDA (whether the build has CUDA).

if(NOT LibTorch_ROOT AND REVERIE_PYTHON)
  execute_process(
    COMMAND ${REVERIE_PYTHON} -c "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
    OUTPUT_VARIABLE _torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(LibTorch_ROOT "${_torch_dir}" CACHE PATH "Folder of PyTorch or LibTorch")
endif()

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h HINTS "${LibTorch_ROOT}/include" NO_DEFAULT_PATH)
find_path(LibTorch_API_INCLUDE_DIR torch/torch.h
  HINTS "${LibTorch_ROOT}/include/torch/csrc/api/include" NO_DEFAULT_PATH)
set(_torch_required LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR)
foreach(_name torch torch_cpu c10)
  find_library(LibTorch_${_name} NAMES ${_name} HINTS "${LibTorch_ROOT}/lib" NO_DEFAULT_PATH)
  list(APPEND _torch_required LibTorch_${_name})
endforeach()
find_library(LibTorch_torch_cuda NAMES torch_cuda HINTS "${LibTorch_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_c10_cuda NAMES c10_cuda HINTS "${LibTorch_ROOT}/lib" NO_DEFAULT_PATH)
set(LibTorch_CUDA FALSE)
if(LibTorch_torch_cuda AND LibTorch_c10_cuda)
  set(LibTorch_CUDA TRUE)
endif()

find_file(LibTorch_VERSION_FILE NAMES torch/headeronly/version.h torch/version.h
  HINTS "${LibTorch_INCLUDE_DIR}" "${LibTorch_API_INCLUDE_DIR}" NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_VERSION_FILE)
if(LibTorch_VERSION_FILE)
  file(STRINGS "${LibTorch_VERSION_FILE}" _torch_header REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3"
    LibTorch_VERSION "${_torch_header}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS ${_torch_required}
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "looked in '${LibTorch_ROOT}': run scripts/setup.sh, or pass -DLibTorch_ROOT=<folder of torch or libtorch>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # libtorch registers its kernels from static initialisers, so --as-needed must not drop it.
  set(_torch_link "-Wl,--push-state,--no-as-needed" "${LibTorch_torch}" "${LibTorch_torch_cpu}" "${LibTorch_c10}")
  if(LibTorch_CUDA)
    list(APPEND _torch_link "${LibTorch_torch_cuda}" "${LibTorch_c10_cuda}")
  endif()
  list(APPEND _torch_link "-Wl,--pop-state")
  set_target_properties(LibTorch::LibTorch PROPERTIES
    INTERFACE_LINK_LIBRARIES "${_torch_link}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_API_INCLUDE_DIR}")
endif()
