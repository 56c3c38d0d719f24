# What heed is built with. Each missing package ends in one message that says what to install.
find_package(Threads REQUIRED)
