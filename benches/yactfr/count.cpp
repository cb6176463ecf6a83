// Counts the events and values of a trace with yactfr, data file by data file, as benches/src/view/values.rs does with
// our library. Built by `cargo xtask bench view --only yactfr` where the library is found:
//
//     c++ -std=c++14 -O3 -DNDEBUG count.cpp -lyactfr

#include <cstdint>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <iostream>
#include <string>
#include <sys/stat.h>
#include <yactfr/yactfr.hpp>

int main(const int argc, const char *const argv[])
{
    if (argc != 2) {
        std::cerr << "usage: count TRACE\n";
        return 2;
    }
    const std::string folder {argv[1]};
    std::ifstream metadataFile {folder + "/metadata", std::ios::binary};
    const auto metadataStream = yactfr::createMetadataStream(metadataFile);
    const auto traceType = yactfr::fromMetadataText(metadataStream->text());
    std::uint64_t events = 0, values = 0, sum = 0;

    DIR *const dir = opendir(folder.c_str());
    if (!dir) {
        std::cerr << "cannot open " << folder << '\n';
        return 1;
    }
    while (const dirent *const entry = readdir(dir)) {
        const auto path = folder + '/' + entry->d_name;
        struct stat info;
        if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || std::strcmp(entry->d_name, "metadata") == 0) {
            continue;
        }
        yactfr::MemoryMappedFileViewFactory factory {path};
        yactfr::ElementSequence sequence {*traceType.first, factory};
        const auto end = sequence.end();
        for (auto it = sequence.begin(); it != end; ++it) {
            if (it->isEventRecordInfoElement()) {
                ++events;
            } else if (it->isFixedLengthUnsignedIntegerElement()) {
                ++values;
                sum += it->asFixedLengthUnsignedIntegerElement().value();
            } else if (it->isFixedLengthSignedIntegerElement()) {
                ++values;
                sum += static_cast<std::uint64_t>(it->asFixedLengthSignedIntegerElement().value());
            } else if (it->isRawDataElement()) {
                ++values;
                sum += it->asRawDataElement().size();
            }
        }
    }
    closedir(dir);
    std::cout << events << " events, " << values << " values, " << std::hex << sum << '\n';
}
