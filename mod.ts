// Qeeper: see README.md
