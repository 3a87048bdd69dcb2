"""Parts that run in the user's own process: questions, child programs, progress bars. Imported only when used.

`bin/alienctl` starts Python without its search for libraries (`-S`), which only the modules of this directory need.
"""

import sys

if sys.flags.no_site:
    import site

    site.main()
