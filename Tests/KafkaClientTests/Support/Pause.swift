import Glibc

func pauseMs(_ ms: UInt32) { usleep(ms * 1_000) }
