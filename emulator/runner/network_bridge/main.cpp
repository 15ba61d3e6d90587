// sagemaker-local-network PROGRAM ARGUMENTS...: runs a container's program in the network namespace that
// bubblewrap has made for it, and leaves a process behind that gives the emulator sockets of that namespace.
// A socket belongs to the namespace it was made in, whoever holds it: the emulator connects one to the
// program's port, or listens on one for the program's own calls, and no byte passes through here. Descriptor
// 4 is the emulator: a message asks for one socket ('4' or '6': the family) and is answered with one byte and
// the socket, or says that the network is as it shall be ('s'): then the program starts. At the end of the
// connection this process ends. The program keeps the process id that bubblewrap gave it and inherits no
// child: the helper is an orphan.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int emulator = 4;

void send_socket(int socket) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof socket)] = {};
  char answer = socket >= 0 ? '+' : '-';
  iovec text{&answer, 1};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (socket >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof socket);
    std::memcpy(CMSG_DATA(header), &socket, sizeof socket);
  }
  if (::sendmsg(emulator, &message, MSG_NOSIGNAL) < 0) ::_exit(1);
}

[[noreturn]] void give_sockets(int start) {
  ::setsid();
  ::prctl(PR_SET_NAME, "network");
  ::prctl(PR_SET_DUMPABLE, 0);  // the program may not take the connection to the emulator from here
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  (void)!::chdir("/");
  for (;;) {
    char family = 0;
    const ssize_t length = ::recv(emulator, &family, 1, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) ::_exit(0);
    if (family == 's') {
      ::close(start);
      continue;
    }
    const int socket =
        ::socket(family == '6' ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    send_socket(socket);
    if (socket >= 0) ::close(socket);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: sagemaker-local-network PROGRAM ARGUMENTS...\n", stderr);
    return 2;
  }
  int start[2];
  if (::pipe2(start, O_CLOEXEC) != 0) return 125;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::fork() == 0) give_sockets(start[1]);
    ::_exit(0);
  }
  if (child > 0) ::waitpid(child, nullptr, 0);
  ::close(start[1]);
  ::close(emulator);
  char none = 0;
  while (::read(start[0], &none, 1) < 0 && errno == EINTR) continue;  // until the other end is closed
  ::execv(arguments[1], arguments + 1);
  std::fprintf(stderr, "cannot execute '%s': %s\n", arguments[1], std::strerror(errno));
  return errno == ENOENT ? 127 : 126;
}
