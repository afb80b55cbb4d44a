#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of tools/lint_rules.py: each bad sample must be caught by its rule, each good one by none."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from lint_rules import FILE_LINES_MAX, FUNCTION_LINES_MAX, SPDX, Source, blank, check, functions

HEADER = f'// {SPDX}\n'


def faults(code, path='core/log/x.cc', own_header='', other_headers=()):
    return [(line, rule) for line, rule, _ in check(Source(path, HEADER + code), own_header, other_headers)]


def rules(code, path='core/log/x.cc', **headers):
    return {rule for _, rule in faults(code, path, **headers)}


BAD = [
    # rule, path, code
    ('line-length', 'core/log/x.cc', 'int x;  // ' + 'x' * 110),
    ('function-length', 'core/log/x.cc', 'int f() {\n' + 'g();\n' * FUNCTION_LINES_MAX + '}\n'),
    ('function-length', 'core/log/x.cc', 'class A {\n public:\n  A(int b) : b_{b}, c_(0) {\n' + 'g();\n' * 70 + '}\n};'),
    ('function-length', 'core/log/x.cc', 'template <class T>\nauto C<T>::f(int a = {}) const -> T {\n' + 'g();\n' * 70 + '}'),
    ('function-length', 'tests/log/x.cc', 'TEST_CASE("a sentence: with { in it") {\n' + 'CHECK(1);\n' * 70 + '}\n'),
    ('file-length', 'core/log/x.cc', 'int x;\n' * FILE_LINES_MAX),
    ('detached', 'core/net/x.cc', 'void f() { boost::asio::co_spawn(c, g(), boost::asio::detached); }'),
    ('detached', 'core/log/x.cc', 'void f() { std::thread(g).detach(); }'),
    ('asio', 'core/log/x.cc', '#include <boost/asio/io_context.hpp>'),
    ('asio', 'core/log/x.cc', '#include "boost/asio.hpp"'),
    ('asio', 'core/broker/x.h', 'boost::asio::io_context& context();'),
    ('asio', 'tests/log/x.cc', '#include <boost/asio.hpp>'),
    ('sleep', 'tests/log/x.cc', 'void f() { std::this_thread::sleep_for(1ms); }'),
    ('sleep', 'tests/log/x.cc', 'void f() { usleep(10); }'),
    ('sleep', 'core/log/x.cc', 'void f() { ::sleep(1); }'),
    ('print', 'core/log/x.cc', 'void f() { std::cout << 1; }'),
    ('print', 'core/log/x.cc', 'void f() { printf("x"); }'),
    ('print', 'core/log/x.cc', 'void f() { std::fprintf(stderr, "x"); }'),
    ('time', 'core/log/x.cc', 'auto t = std::chrono::steady_clock::now();'),
    ('time', 'core/log/x.cc', 'using Clock = std::chrono::steady_clock;'),
    ('time', 'cmd/x.cc', 'auto t = std::chrono::system_clock::now();'),
    ('time', 'tests/log/x.cc', 'auto t = time(nullptr);'),
    ('time', 'core/log/x.cc', 'auto t = std::time(0);'),
    ('time', 'core/log/x.cc', 'int f() { return rand(); }'),
    ('time', 'core/log/x.cc', 'void f() { clock_gettime(CLOCK_MONOTONIC, &t); }'),
    ('time', 'tests/log/x.cc', 'std::random_device device;'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { co_await g(Request{1, 2}); }'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { co_await g(Request{}); }'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { co_await g({1, 2}); }'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { co_await Awaiter{1}; }'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { KLOG_CO_TRY(auto x, co_await g(h(), std::vector<int>{1})); }'),
    ('co-await', 'core/log/x.cc', 'Task<> f() { co_await call_on(s, [a] { return g(a); }, Options{1}); }'),
    ('coroutine-reference', 'core/log/x.cc', 'Task<> f(const std::string& s) { co_return; }'),
    ('coroutine-reference', 'core/log/x.cc', 'runtime::Task<Result<int>> A::f(int a, std::vector<int>&& b) { co_await g(); }'),
    ('coroutine-reference', 'core/log/x.cc', 'Task<> f(os::Disk& disk, const Log& log) { co_return; }'),
    ('coroutine-reference', 'core/log/x.cc', 'Task<> f(std::vector<std::pair<int, int>>& v) { co_return; }'),
    ('order', 'core/log/x.cc', 'std::unordered_map<int, std::vector<int>> m;\nvoid f() { for (auto& x : m) g(x); }'),
    ('order', 'core/log/x.cc', 'void f(const std::unordered_set<int>& s) { for (int x : s) g(x); }'),
    ('order', 'core/log/x.cc', 'struct A { boost::unordered_flat_map<int, int> m_; void f() { for (auto& x : m_) g(x); } };'),
    ('order', 'core/log/x.cc', 'using Index = std::unordered_map<int, int>;\nIndex names;\nvoid f() { for (auto& x : names) g(x); }'),
    ('order', 'core/log/x.cc', 'std::unordered_map<int, int> m;\nvoid f() { for (auto i = m.begin(); i != m.end();) i = g(i); }'),
    ('order', 'core/log/x.cc', 'std::unordered_set<int> m;\nvoid f() { for (int x : m | std::views::take(3)) g(x); }'),
    ('order', 'core/log/x.cc', 'std::unordered_set<int> m;\nvoid f() { for (int x : std::as_const(m)) g(x); }'),
    ('order', 'core/log/x.cc', 'std::unordered_set<int> m;\nvoid f() { for (int x : *this->m) g(x); }'),
    ('order', 'core/log/x.cc', 'std::set<Node*> nodes;\nvoid f() { for (Node* x : nodes) g(x); }'),
    ('order', 'core/log/x.cc', 'std::map<std::shared_ptr<Node>, int> nodes;\nvoid f() { for (auto& x : nodes) g(x); }'),
]

GOOD = [
    # path, code
    ('core/log/x.cc', 'const char* s =\n    R"(' + '{"a": 1}' * 20 + ')";'),
    ('core/log/x.cc', 'int f() {\n' + 'g();\n' * (FUNCTION_LINES_MAX - 2) + '}\n'),
    ('core/log/x.cc', 'class A {\n' + 'int f() { return 1; }\n' * 100 + '};'),
    ('core/log/x.cc', 'constexpr Row rows[] = {\n' + '{f(1), {2}},\n' * 200 + '};'),
    ('core/log/x.cc', 'namespace a {\nnamespace {\n' + 'int f();\n' * 100 + '}\n}'),
    ('core/net/x.cc', '#include <boost/asio/io_context.hpp>'),
    ('tests/runtime/x.cc', '#include <boost/asio/io_context.hpp>'),
    ('core/log/x.cc', '// std::cout, sleep_for, steady_clock::now(), detached\nconst char* s = "std::cout << usleep(1)";'),
    ('core/log/x.cc', 'auto s = R"(std::cout << "x")";\nchar c = \'"\'; int n = 1\'000; char d = \'\\\'\';'),
    ('core/base/clock.cc', 'auto t = std::chrono::steady_clock::now();'),
    ('core/base/log.cc', 'void f() { std::fprintf(stderr, "x"); }'),
    ('cmd/x.cc', 'void f() { std::cout << 1; }'),
    ('core/log/x.cc', 'void f() { snprintf(to, 3, "x"); clock.time(now); sleep_until(at); vsnprintf(a); }'),
    ('core/log/x.cc', 'Task<> f() { Request r{1, 2}; co_await g(std::move(r)); }'),
    ('core/log/x.cc', 'Task<> f() { co_await call_on(s, [a = b]() -> Task<> { return g(a); }); }'),
    ('core/log/x.cc', 'Task<> f() { if (co_await g()) { h(Request{1}); } while (co_await g(1)) { } }'),
    ('core/log/x.cc', 'Task<Result<int>> f(os::Disk& d, const Clock& c, std::map<int, A&> a, Log* b) { co_return 1; }'),
    ('core/log/x.cc', 'Task<> f() { co_await g(path, {}, true); }'),
    ('core/log/x.cc', 'Task<> f(const std::string& s) { return g(s); }'),
    ('tests/log/x.cc', 'Task<> f() { co_await g(Request{1}); }'),
    ('tests/wire/bench.cc', 'auto t = std::chrono::steady_clock::now();'),
    ('core/log/x.cc', 'struct A { auto operator co_await() && noexcept { return Awaiter{1}; } };'),
    ('core/log/x.cc', 'std::unordered_map<int, int> m;\nvoid f() { m.find(1); for (int x : sorted(m)) g(x); }'),
    ('core/log/x.cc', 'std::unordered_map<int, int> m;\nvoid f() { for (auto& x : m) n += x;  // order does not show: a sum\n}'),
    ('core/log/x.cc', 'std::unordered_map<int, int> m;\n// order does not show: a sum\nvoid f() { for (auto& x : m) n += x; }'),
    ('core/log/x.cc', 'std::map<int, Node*> nodes;\nvoid f() { for (auto& x : nodes) g(x); }'),
    ('tests/log/x.cc', 'std::thread t;\n// lint allows sleep: it is the work that blocks\nvoid f() { usleep(1); }'),
]


class Rules(unittest.TestCase):
    def test_each_bad_sample_is_caught_by_its_rule(self):
        for rule, path, code in BAD:
            with self.subTest(rule=rule, code=code[:80]): self.assertEqual(rules(code, path), {rule})

    def test_good_samples_are_left_alone(self):
        for path, code in GOOD:
            with self.subTest(code=code[:80]): self.assertEqual(faults(code, path), [])

    def test_a_file_without_its_licence_is_caught(self):
        for path, text in [('core/log/x.cc', 'int x;\n'), ('tools/x.py', '#!/usr/bin/env python3\n'), ('core/log/x.h', '')]:
            self.assertEqual([rule for _, rule, _ in check(Source(path, text))], ['spdx'])
        self.assertEqual(check(Source('tools/x', f'#!/bin/sh\n# {SPDX}\n')), [])

    def test_members_declared_in_a_header_are_known(self):
        header = blank('class A { std::unordered_map<int, int> index_; std::unordered_set<int> plain; };')
        loop = 'void A::f() { for (auto& x : %s) g(x); }'
        self.assertEqual(rules(loop % 'index_', own_header=header), {'order'})
        self.assertEqual(rules(loop % 'plain', own_header=header), {'order'})
        self.assertEqual(rules(loop % 'state_->index_', other_headers=[header]), {'order'})
        self.assertEqual(rules(loop % 'a.plain', other_headers=[header]), {'order'})
        self.assertEqual(rules(loop % 'plain', other_headers=[header]), set())

    def test_a_permission_without_a_reason_or_for_another_rule_is_none(self):
        self.assertEqual(rules('void f() { usleep(1); }  // lint allows sleep:'), {'sleep'})
        self.assertEqual(rules('void f() { usleep(1); }  // lint allows time: why'), {'sleep'})

    def test_a_fault_names_its_line(self):
        self.assertEqual(faults('int a;\n\nvoid f() { usleep(1); }\n'), [(4, 'sleep')])

    def test_functions_are_found_where_they_begin_and_end(self):
        code = ('namespace n {\nstruct S {\n    S() : a_{1} {\n        b();\n    }\n    int a_ = f({1});\n};\n'
                'int g(int x = h({})) {\n    auto l = [] { return 1; };\n    if (x) {\n        return l();\n    }\n}\n}\n')
        self.assertEqual([(a, b) for a, b, _ in functions(Source('core/log/x.cc', code))], [(3, 5), (8, 13)])

    def test_blanking_keeps_every_line_and_column(self):
        text = 'a("x{\\"y", \'{\', 1\'000) /* {\n */ b // {\nR"x(\n{)x" c'
        blanked = blank(text)
        self.assertEqual(len(blanked), len(text))
        self.assertEqual(blanked.count('\n'), text.count('\n'))
        self.assertNotIn('{', blanked)
        for name in 'abc': self.assertEqual(blanked.index(name), text.index(name))

    def test_a_room_includes_only_the_rooms_that_it_may_know(self):
        with tempfile.TemporaryDirectory() as name:
            core = pathlib.Path(name) / 'core'
            for path, code in {'log/a.cc': '#include "core/base/error.h"\n', 'log/b.cc': '#include "core/replica/partition.h"\n',
                               'log/c.cc': '#include "../os/disk.h"\n', 'nowhere/d.cc': ''}.items():
                (core / path).parent.mkdir(parents=True, exist_ok=True)
                (core / path).write_text(code)
            checker = pathlib.Path(__file__).with_name('check_layers.py')
            done = subprocess.run([sys.executable, checker, core], capture_output=True, text=True)
            said = done.stdout.replace(f'{core}/', '').splitlines()
            self.assertEqual(said, ['log/b.cc:1: log must not know replica', 'log/c.cc:1: relative include ../os/disk.h',
                                    'nowhere/d.cc: no such room in the table: nowhere', '3 layer faults'])
            self.assertEqual(done.returncode, 1)


if __name__ == '__main__':
    if sys.argv[1:] == ['--quiet']:  # For tools/lint: silent when all is well.
        result = unittest.TextTestRunner(verbosity=0, stream=open('/dev/null', 'w')).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(Rules))
        for case, words in result.failures + result.errors: print(f'tools/lint_test.py: {case}\n{words}')
        sys.exit(not result.wasSuccessful())
    unittest.main()
