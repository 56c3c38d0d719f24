# What heed is built with. Everything that is missing is named in one message that says what to
# install. The header-only libraries are looked for by their headers, which every distribution
# puts in the same place, with or without CMake files beside them.
include_guard()

if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR "heed needs g++ 12 or clang++ 14, or newer; this is ${CMAKE_CXX_COMPILER_ID} "
                      "${CMAKE_CXX_COMPILER_VERSION}. Choose another with -DCMAKE_CXX_COMPILER=…")
endif()

set(heed_missing "")
set(heed_missing_apt "")
set(heed_missing_dnf "")
set(heed_missing_brew "")

macro(heed_is_missing what apt dnf brew)
  list(APPEND heed_missing "${what}")
  list(APPEND heed_missing_apt ${apt})
  list(APPEND heed_missing_dnf ${dnf})
  list(APPEND heed_missing_brew ${brew})
endmacro()

# heed_find_header(<variable> <header> <what it is> <Debian name> <Fedora name> <Homebrew name>)
macro(heed_find_header variable header what apt dnf brew)
  find_path(${variable} ${header} DOC "The folder that holds ${header}")
  mark_as_advanced(${variable})
  if(NOT ${variable})
    heed_is_missing("${what}" ${apt} ${dnf} ${brew})
  endif()
endmacro()

heed_find_header(HEED_XSIMD_INCLUDE xsimd/xsimd.hpp "xsimd 8.1 or newer (SIMD kernels)"
                 libxsimd-dev xsimd-devel xsimd)
if(HEED_XSIMD_INCLUDE)
  file(STRINGS "${HEED_XSIMD_INCLUDE}/xsimd/config/xsimd_config.hpp" heed_xsimd_lines
       REGEX "define XSIMD_VERSION_(MAJOR|MINOR)")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" heed_xsimd_version
                       "${heed_xsimd_lines}")
  if(heed_xsimd_version VERSION_LESS 8.1)
    heed_is_missing("xsimd 8.1 or newer (${HEED_XSIMD_INCLUDE} holds ${heed_xsimd_version})"
                    libxsimd-dev xsimd-devel xsimd)
  endif()
endif()
heed_find_header(HEED_JSON_INCLUDE nlohmann/json.hpp "nlohmann-json (safetensors headers)"
                 nlohmann-json3-dev json-devel nlohmann-json)
if(HEED_BUILD_TESTS)
  heed_find_header(HEED_DOCTEST_INCLUDE doctest/doctest.h
                   "doctest (tests; or -DHEED_BUILD_TESTS=OFF)" doctest-dev doctest-devel doctest)
endif()
if(HEED_BUILD_DEMOS)
  heed_find_header(HEED_CLI11_INCLUDE CLI/CLI.hpp "CLI11 (demos; or -DHEED_BUILD_DEMOS=OFF)"
                   libcli11-dev cli11-devel cli11)
endif()
if(HEED_BUILD_BENCH)
  find_package(benchmark CONFIG QUIET)
  if(NOT benchmark_FOUND)
    heed_is_missing("Google Benchmark (tests/bench)" libbenchmark-dev google-benchmark-devel
                    google-benchmark)
  endif()
endif()

if(heed_missing)
  list(JOIN heed_missing "\n    " heed_missing)
  list(JOIN heed_missing_apt " " heed_missing_apt)
  list(JOIN heed_missing_dnf " " heed_missing_dnf)
  list(JOIN heed_missing_brew " " heed_missing_brew)
  message(FATAL_ERROR "heed is built with packages that are not installed here:\n"
    "    ${heed_missing}\n"
    "Install them, and configure again:\n"
    "    Debian, Ubuntu:  sudo apt-get install ${heed_missing_apt}\n"
    "    Fedora:          sudo dnf install ${heed_missing_dnf}\n"
    "    Homebrew:        brew install ${heed_missing_brew}\n"
    "Headers elsewhere are found with -DCMAKE_PREFIX_PATH=…\n")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Header-only libraries are include folders of heed's own sources and leave no trace in what is
# installed; threads must be linked by whoever links a static heed.
function(heed_use_dependencies target)
  target_include_directories(${target} SYSTEM PRIVATE ${HEED_XSIMD_INCLUDE} ${HEED_JSON_INCLUDE})
  target_link_libraries(${target} PRIVATE Threads::Threads)
endfunction()
