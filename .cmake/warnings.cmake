function(heed_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -ffp-contract=off)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # "text" + std::string warns inside libstdc++ (gcc bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(HEED_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
