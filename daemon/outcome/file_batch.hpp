#pragma once

// Many small files made durable together. For each: a temporary beside its target, written and
// synced, then renamed; last, one sync for each directory. All files of a chunk are written and
// their write-back is started before the first is synced: that sync pays for the journal's commit,
// the others find their blocks written.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "onboardd/base/error.hpp"
#include "onboardd/base/unique_fd.hpp"

namespace onboardd {

// The system calls, apart so that a test can fail each of them.
class file_calls {
public:
    file_calls() = default;
    file_calls(const file_calls&) = delete;
    file_calls& operator=(const file_calls&) = delete;
    virtual ~file_calls() = default;

    // A new file with mode 0640 whatever the umask is; an existing name is an error.
    virtual result<unique_fd> create(int directory, const std::string& name);
    virtual error_code write(int fd, std::string_view bytes);
    // Lets the disk begin. A hint: what goes wrong shows at sync().
    virtual void start_write_back(int fd);
    virtual error_code sync(int fd);
    virtual error_code rename(int directory, const std::string& from, const std::string& to);
    virtual error_code remove(int directory, const std::string& name);
    // Whether there is a file of that name with something in it. What cannot be looked at is.
    virtual bool holds(int directory, const std::string& name);
};

struct file_to_publish {
    std::shared_ptr<const unique_fd> directory;
    std::string name;
    std::string content;
    error_code failure;  // set by publish_files(); a file that has one already is left out

    std::string temporary;  // from here on its own
    unique_fd fd;
};

// On return each file is on disk under its name, or has a `failure`: then its old content is
// untouched, unless only the sync of its directory failed. Leaves no temporary behind, as far as
// the file system lets it.
void publish_files(file_calls& calls, std::span<file_to_publish> files);

}  // namespace onboardd
