// What a program writes to a terminal.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sagemaker::tests {

// What `show` writes to a terminal that it runs on, in a process of its own. `no_color`: of the environment.
// `columns`: 0 where the terminal does not say.
template <class Show>
std::string on_terminal(Show&& show, const char* no_color = nullptr, unsigned short columns = 0) {
  std::fflush(stdout);  // what is waiting there would be written twice
  int terminal = -1;
  struct winsize size {};
  size.ws_row = columns == 0 ? 0 : 40;
  size.ws_col = columns;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);
    if (no_color != nullptr)
      ::setenv("NO_COLOR", no_color, 1);
    else
      ::unsetenv("NO_COLOR");
    show();
    std::fflush(stdout);
    ::_exit(0);
  }
  std::string output;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(terminal, buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<std::size_t>(count));
  ::close(terminal);
  ::waitpid(child, nullptr, 0);
  return output;
}

}  // namespace sagemaker::tests
