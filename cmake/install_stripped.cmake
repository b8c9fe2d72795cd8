# Runs while `cmake --install` installs: splits the program that was built into what runs and what a debugger reads.
# component: program or debug; built: the program in the build tree; objcopy: the tool.
get_filename_component(name "${built}" NAME)
set(debug_file "${built}.debug")
set(installed "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/bin/${name}")
execute_process(COMMAND "${objcopy}" --only-keep-debug "${built}" "${debug_file}" COMMAND_ERROR_IS_FATAL ANY)
if(component STREQUAL "program")
  execute_process(COMMAND "${objcopy}" --strip-unneeded "--add-gnu-debuglink=${debug_file}" "${installed}"
    COMMAND_ERROR_IS_FATAL ANY)
  # The name that scripts written for pg_auto_failover call it by.
  file(CREATE_LINK "${name}" "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/bin/pg_${name}" SYMBOLIC)
else()
  file(INSTALL "${debug_file}" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/debug${CMAKE_INSTALL_PREFIX}/bin")
endif()
