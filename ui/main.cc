#include "ui/cli/command.h"

int main(int argc, char** argv) {
  return reverie::cli::Run(argc, argv);
}
