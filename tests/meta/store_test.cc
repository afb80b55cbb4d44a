// SPDX-License-Identifier: Apache-2.0
// The suite on the stores that need no other process.
#include "core/meta/embedded_store.h"
#include "core/meta/memory_store.h"
#include "core/os/memory_disk.h"
#include "core/runtime/sim_runtime.h"
#include "tests/meta/store_suite.h"

namespace klog::meta::testing {

namespace {

struct InMemory {
    runtime::SimRuntime sim{1, 1};
    MemoryServer server;
    MemoryStore one{server, sim.shard(0)};
    MemoryStore two{server, sim.shard(0)};

    void run(Task<void> task) { sim.run(std::move(task)); }
    Store& store() { return one; }
    Store& other() { return two; }
    void expire(Store& which) { server.expire(which.session_id()); }
};

struct Embedded {
    os::MemoryDisk disk;
    std::unique_ptr<EmbeddedStore> opened;
    runtime::SimRuntime sim{1, 1};

    Embedded() { sim.run(open(this)); }
    ~Embedded() { sim.run(opened->close()); }
    static Task<void> open(Embedded* self) {
        Journal::Options options{.directory = "/data/metadata"};
        self->opened = good(co_await EmbeddedStore::open(self->disk, self->sim, options));
    }
    void run(Task<void> task) { sim.run(std::move(task)); }
    Store& store() { return *opened; }
};

}  // namespace

TEST_CASE_TEMPLATE_INVOKE(store_suite, InMemory, Embedded);
TEST_CASE_TEMPLATE_INVOKE(session_suite, InMemory);

}  // namespace klog::meta::testing
