function(heed_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -ffp-contract=off)
  if(HEED_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
