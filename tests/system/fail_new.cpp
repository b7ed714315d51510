// For LD_PRELOAD: `operator new` finds no memory at call number $FAIL_NEW_AT, and, if
// $FAIL_NEW_FOR_EVER is set, at each one after it. How many calls there were is written to the file
// $FAIL_NEW_COUNT at the end. Calls count from when the program has a handler for want of memory.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

std::atomic<unsigned long> calls = 0;

unsigned long failing_call() {
    static const unsigned long number = [] {
        const char* const text = std::getenv("FAIL_NEW_AT");
        return text ? std::strtoul(text, nullptr, 10) : 0;
    }();
    return number;
}

bool fails() {
    static const bool for_ever = std::getenv("FAIL_NEW_FOR_EVER") != nullptr;
    if (!std::get_new_handler()) {
        return false;
    }
    const auto call = ++calls;
    const auto failing = failing_call();
    return failing != 0 && (call == failing || (for_ever && call > failing));
}

void* take(void* memory) {
    if (!memory) {
        if (auto* const handler = std::get_new_handler()) {
            handler();
        }
        throw std::bad_alloc();
    }
    return memory;
}

__attribute__((destructor)) void tell() {
    if (const char* const name = std::getenv("FAIL_NEW_COUNT")) {
        const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dprintf(fd, "%lu\n", calls.load());
        close(fd);
    }
}

}  // namespace

// All forms that libraries call; those for arrays come down to these.
void* operator new(std::size_t size) {
    return take(fails() ? nullptr : std::malloc(size != 0 ? size : 1));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    const auto unit = static_cast<std::size_t>(alignment);
    return take(fails() ? nullptr : std::aligned_alloc(unit, (size + unit - 1) / unit * unit));
}
void* operator new[](std::size_t size) {
    return operator new(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);  // as the library's own does it, with its handler
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
