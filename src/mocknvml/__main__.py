import sys

from mocknvml.cli import main

sys.exit(main())
