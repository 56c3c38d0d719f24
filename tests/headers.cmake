# Every public header compiles on its own: one translation unit each, that includes it and nothing
# else. What core/simd holds is internal, except for its table.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
     ${PROJECT_SOURCE_DIR}/core/*.h ${PROJECT_SOURCE_DIR}/nn/*.h ${PROJECT_SOURCE_DIR}/optim/*.h)
list(FILTER headers EXCLUDE REGEX "^core/simd/")
list(APPEND headers core/simd/kernels.h)
if(EXISTS ${PROJECT_SOURCE_DIR}/heed.h)
  list(APPEND headers heed.h)
endif()

set(header_units)
foreach(header ${headers})
  string(REPLACE "/" "_" unit "${header}")
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${unit}.cpp)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n")
  list(APPEND header_units ${unit})
endforeach()
add_library(heed_test_headers OBJECT ${header_units})
target_link_libraries(heed_test_headers PRIVATE heed::heed)
target_include_directories(heed_test_headers PRIVATE ${PROJECT_SOURCE_DIR})
heed_set_warnings(heed_test_headers)

# A translation unit that includes heed.h compiles in under two seconds of processor time; where the
# machine is slow, in two and a half times what common standard headers take.
if(EXISTS ${PROJECT_SOURCE_DIR}/heed.h)
  set(name "headers: a unit that includes heed.h compiles in under 2 s")
  set(yardstick ${CMAKE_CURRENT_BINARY_DIR}/headers/standard.cpp)
  set(standard "")
  foreach(header algorithm functional map memory mutex sstream string unordered_map vector)
    string(APPEND standard "#include <${header}>\n")
  endforeach()
  file(CONFIGURE OUTPUT ${yardstick} CONTENT "${standard}")
  add_test(NAME ${name}
           COMMAND ${CMAKE_CURRENT_LIST_DIR}/compile_time.sh 2 ${yardstick}
                   ${CMAKE_CURRENT_BINARY_DIR}/headers/heed.h.cpp ${CMAKE_CXX_COMPILER} -std=c++20 -O2
                   -I${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
endif()
