// Memory that runs out: at each allocation in turn, once from heed's allocator and once from
// operator new, which the test programs bring themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace heed::test {

/// What is to survive: something that may be done again after it has failed, and a number that says
/// what came of it.
using Action = std::function<double()>;

/// Lets each allocation of an action fail in turn, those of heed's allocator and those of operator
/// new. A failure must come out as std::bad_alloc or be made up for, leak nothing, and leave what
/// make() made so usable that the action then gives what it gives undisturbed. make() is called
/// anew for each failure. Returns how often an allocation failed.
std::int64_t fail_each_allocation(const std::string& name, const std::function<Action()>& make);

}  // namespace heed::test
