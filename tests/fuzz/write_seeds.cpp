// fuzz_write_seeds TARGET FOLDER: the seeds of a target as files, for libFuzzer.

#include <iostream>

#include "support/temporary_directory.hpp"
#include "tests/fuzz/seeds.hpp"

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: fuzz_write_seeds TARGET FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = arguments[2];
    std::filesystem::create_directories(folder);
    std::size_t written = 0;
    for (const auto& seeds :
         {onboardd::fuzz::own_seeds(arguments[1]), onboardd::fuzz::foreign_seeds(arguments[1])}) {
        for (const auto& one : seeds) {
            onboardd::test::write_file(folder / one.name, one.bytes);
            ++written;
        }
    }
    std::cout << arguments[1] << ": " << written << " seeds\n";
    return written == 0 ? 1 : 0;
}
