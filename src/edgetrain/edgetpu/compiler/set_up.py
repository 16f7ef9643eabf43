"""How to get edgetpu_compiler: ``ci/inv ci.compiler`` fetches it from the sources of ``ci/compiler_sources.json``."""

INSTALL_COMPILER = """Get it on 64-bit Intel or AMD, without root:
  ci/inv --profile compile ci.compiler
which tries Google's package and a mirror, and checks what it gets (docs/coral.md); or name your own in compile.program,
or run this step in the container of ci/edgetpu-compiler.Containerfile."""
