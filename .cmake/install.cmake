# `cmake --install` and find_package(heed). The same `#include <heed.h>` works in the build tree,
# installed, and by add_subdirectory: the folder that holds heed.h is heed's include folder.
include(CMakePackageConfigHelpers)

target_include_directories(heed PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                       $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/heed>)

if(HEED_INSTALL)
  set(heed_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
  install(TARGETS heed EXPORT heed-targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT heed-targets NAMESPACE heed:: DESTINATION ${heed_cmake_dir})

  # core/simd stays inside, but for the table's interface.
  install(FILES heed.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heed)
  install(DIRECTORY core nn optim DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heed
          FILES_MATCHING PATTERN "*.h" PATTERN "simd" EXCLUDE)
  install(FILES core/simd/kernels.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heed/core/simd)

  configure_package_config_file(.cmake/heed-config.cmake.in heed-config.cmake
                                INSTALL_DESTINATION ${heed_cmake_dir})
  write_basic_package_version_file(heed-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heed-config.cmake
                ${CMAKE_CURRENT_BINARY_DIR}/heed-config-version.cmake
          DESTINATION ${heed_cmake_dir})
endif()
