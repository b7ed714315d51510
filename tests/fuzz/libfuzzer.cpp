// One target as libFuzzer wants it; CMake names it.

#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto* text = reinterpret_cast<const char*>(data);
    onboardd::fuzz::ONBOARDD_FUZZ_TARGET(size == 0 ? std::string_view("")
                                                   : std::string_view(text, size));
    return 0;
}
