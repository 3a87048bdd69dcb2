package: aliend
version: "%(tag_basename)s"
tag: "0.1.0"
requires:
  - Python
build_requires:
  - alibuild-recipe-tools
---
#!/bin/bash -e
# Installs aliend into a virtual environment inside the package's own directory. Only the commands reach PATH: no
# PYTHONPATH and no PYTHONHOME, so that neither this package nor the others see each other's libraries.
python3 -m venv "$INSTALLROOT/venv"
"$INSTALLROOT/venv/bin/python" -m pip install --no-cache-dir "$SOURCEDIR"
mkdir -p "$INSTALLROOT/bin"
for name in alienctl aliend; do
    ln -sf ../venv/bin/$name "$INSTALLROOT/bin/$name"
done

MODULEDIR="$INSTALLROOT/etc/modulefiles"
mkdir -p "$MODULEDIR"
cat > "$MODULEDIR/$PKGNAME" <<EoF
#%Module1.0
module-whatis "aliend: a per-user daemon and a command for the ALICE Grid"
set PKG_ROOT \$::env(BASEDIR)/$PKGNAME/\$version
prepend-path PATH \$PKG_ROOT/bin
EoF
