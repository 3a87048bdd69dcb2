"""What must happen in the user's own process, each module imported only when it is used.

`bin/alienctl` starts Python without its search for libraries (`-S`), which only the modules here need.
"""

import sys

if sys.flags.no_site:
    import site

    site.main()
