# Finds MuJoCo 3.17 or 4.0 as its Python wheel ships it: include/mujoco/*.h beside libmujoco.so.X.Y.Z
# (there is no unversioned library in the wheel, so find_library cannot see it).
#
# Input:  MuJoCo_ROOT   folder that holds include/ and the library, or lib/ (a release archive);
#         Python        REVERIE_PYTHON, asked where its mujoco package lies when MuJoCo_ROOT is not set.
# Output: MuJoCo::MuJoCo, MuJoCo_VERSION.

if(NOT MuJoCo_ROOT AND REVERIE_PYTHON)
  execute_process(
    COMMAND ${REVERIE_PYTHON} -c "import importlib.util as u, os; print(os.path.dirname(u.find_spec('mujoco').origin))"
    OUTPUT_VARIABLE _mujoco_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(MuJoCo_ROOT "${_mujoco_dir}" CACHE PATH "Folder of the MuJoCo wheel or release")
endif()

find_path(MuJoCo_INCLUDE_DIR mujoco/mjbatch.h HINTS "${MuJoCo_ROOT}/include" NO_DEFAULT_PATH)
file(GLOB _mujoco_libraries "${MuJoCo_ROOT}/libmujoco.so*" "${MuJoCo_ROOT}/lib/libmujoco.so*")
if(_mujoco_libraries)
  list(GET _mujoco_libraries 0 _mujoco_library)
  set(MuJoCo_LIBRARY "${_mujoco_library}" CACHE FILEPATH "libmujoco")
endif()

if(MuJoCo_INCLUDE_DIR)
  file(STRINGS "${MuJoCo_INCLUDE_DIR}/mujoco/mujoco.h" _mujoco_header REGEX "#define mjVERSION_HEADER +[0-9]+")
  string(REGEX MATCH "[0-9]+$" _mujoco_number "${_mujoco_header}")
  math(EXPR _mujoco_major "${_mujoco_number} / 1000000")
  math(EXPR _mujoco_minor "${_mujoco_number} / 1000 % 1000")
  math(EXPR _mujoco_patch "${_mujoco_number} % 1000")
  set(MuJoCo_VERSION "${_mujoco_major}.${_mujoco_minor}.${_mujoco_patch}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MuJoCo
  REQUIRED_VARS MuJoCo_LIBRARY MuJoCo_INCLUDE_DIR
  VERSION_VAR MuJoCo_VERSION
  REASON_FAILURE_MESSAGE "looked in '${MuJoCo_ROOT}': run scripts/setup.sh, or pass -DMuJoCo_ROOT=<folder of the mujoco wheel>")

if(MuJoCo_FOUND AND NOT MuJoCo_VERSION MATCHES "^(3\\.17|4\\.0)\\.")
  message(FATAL_ERROR "MuJoCo ${MuJoCo_VERSION} in ${MuJoCo_ROOT}: Reverie is built with 3.17 or 4.0")
endif()

if(MuJoCo_FOUND AND NOT TARGET MuJoCo::MuJoCo)
  add_library(MuJoCo::MuJoCo SHARED IMPORTED)
  set_target_properties(MuJoCo::MuJoCo PROPERTIES
    IMPORTED_LOCATION "${MuJoCo_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${MuJoCo_INCLUDE_DIR}")
endif()
