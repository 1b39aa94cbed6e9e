/// Redis that ends, forgets, falls back, refuses.
let redisFaults =
  redisCrashFaults + redisRestoreFaults + redisLossFaults + redisFailoverFaults
  + redisScriptFaults + redisRefusalFaults
