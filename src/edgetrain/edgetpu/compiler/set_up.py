"""How to get edgetpu_compiler: Google's package for Debian and Ubuntu on amd64 (coral.ai/docs/edgetpu/compiler)."""

INSTALL_COMPILER = """Install it on 64-bit Intel or AMD (Debian, Ubuntu):
  curl -fsSL https://packages.cloud.google.com/apt/doc/apt-key.gpg | sudo gpg --dearmor -o /etc/apt/keyrings/coral.gpg
  echo "deb [signed-by=/etc/apt/keyrings/coral.gpg] https://packages.cloud.google.com/apt coral-edgetpu-stable main" \
| sudo tee /etc/apt/sources.list.d/coral.list
  sudo apt update && sudo apt install edgetpu-compiler
or name it in compile.program, or run this step in the container of ci/edgetpu-compiler.Containerfile."""
