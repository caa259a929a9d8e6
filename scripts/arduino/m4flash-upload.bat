@echo off
rem Uploads a sketch to a Portenta X8 for Arduino IDE 1.8, IDE 2 and arduino-cli on Windows: what
rem m4flash-upload beside it does, which says more, but for an m4flash of this computer's.
rem
rem usage: m4flash-upload.bat ADB SKETCH.elf [SERIAL...]
rem
rem Exit status: 0 the sketch runs; 1 it does not; 2 the board cannot be asked; 3 no outcome in time.
rem
rem Text is only ever in variables, and expanded late, so that cmd does not take it for commands.
setlocal EnableExtensions DisableDelayedExpansion
if "%~2"=="" goto usage
set "adb=%~nx1"
set "adb_folder=%~dp1"
set "sketch=%~f2"
set "name=%~n2"
set "bytes=%~z2"
set "ports= %~3 %~4 "
set "inbox=/tmp/arduino/m4-user-sketch.elf"
set "timeout=240"
if defined M4FLASH_TIMEOUT set "timeout=%M4FLASH_TIMEOUT%"
setlocal EnableDelayedExpansion
set "status=2"

set "wrong=adb is not there: !adb_folder!!adb!"
set "hint=Install the mbed_portenta core anew with the IDE's board manager."
if not exist "!adb_folder!!adb!" goto die
set "wrong=The sketch cannot be read: !sketch!"
set "hint=Compile it again."
if not exist "!sketch!" goto die
rem From its own folder adb can be called without quotation marks, which cmd would count.
cd /d "!adb_folder!"

rem ---- Which board
set /a count=0
set "boards= "
set "other="
set "serial="
for /f "tokens=1,2" %%a in ('%adb% devices 2^>nul') do call :device %%a %%b
set "wrong=The board is connected, but does not trust this computer."
set "hint=Unplug the board and plug it in again."
if !count!==0 if "!other!"=="unauthorized" goto die
set "wrong=The board is connected, but does not answer."
set "hint=Wait until it has started (half a minute), or unplug it and plug it in again."
if !count!==0 if "!other!"=="offline" goto die
set "wrong=No board is connected."
set "hint=Connect the Portenta X8 with a USB cable that carries data, wait until it has started (half a minute), and upload again."
if !count!==0 goto die
if not defined ANDROID_SERIAL goto by_port
set "wrong=The board that ANDROID_SERIAL names is not connected: !ANDROID_SERIAL!"
set "hint=Connected are:!boards!"
if "!boards: %ANDROID_SERIAL% =!"=="!boards!" goto die
set "serial=!ANDROID_SERIAL!"
:by_port
if not defined serial if !count!==1 set "serial=!last!"
set "wrong=Several boards are connected:!boards!"
set "hint=Choose the board's port in the IDE, set ANDROID_SERIAL to one of them, or unplug the others."
if not defined serial goto die
echo Uploading !name! to the board !serial!.

rem ---- The copy
set "sha256="
for /f "delims=" %%l in ('certutil -hashfile "!sketch!" SHA256') do (
    set "line=%%l"
    call :digest_line
)
set "wrong=The sketch's SHA-256 cannot be computed."
set "hint=See that certutil is in the PATH; it is a part of Windows."
if not defined sha256 goto die
set "answer=adb says nothing"
set "log=%TEMP%\m4flash-%RANDOM%%RANDOM%.txt"
%adb% -s !serial! push "!sketch!" %inbox% >"!log!" 2>&1 <nul
set "pushed=!errorlevel!"
for /f "usebackq delims=" %%l in ("%log%") do (
    set "line=%%l"
    call :push_line
)
del "!log!"
set "wrong=!name! could not be copied to the board: !answer!"
set "hint=See that the board stays connected and has room in its /tmp, and upload again."
if not "!pushed!"=="0" goto die

rem ---- What becomes of it: shown as it goes, then asked for once more, to be read
set "wait=m4flash wait --sha256 !sha256!"
%adb% -s !serial! shell "command -v m4flash >/dev/null && !wait! --follow --timeout %timeout% 2>&1 | while read -r l; do case $l in *:*:*) ;; Job*) echo $l;; esac; done" <nul
set "result="
set "wrong="
set "hint="
set "status="
for /f "delims=" %%l in ('%adb% -s !serial! shell "if command -v m4flash >/dev/null; then !wait! --timeout 0 2>&1; echo m4flash-status: $?; else echo m4flash-status: 127; fi | cat" ^<nul') do (
    set "line=%%l"
    call :line
)
if "!status!"=="0" goto programmed
if "!status!"=="127" goto no_m4flash
if not defined status goto disconnected
if not defined wrong set "wrong=m4flash tells no outcome (exit status !status!)."
if not defined hint set "hint=Ask the board: adb shell m4flash history"
set "wrong=!name!: !wrong!"
goto die

:programmed
if defined hint >&2 echo !hint!
echo !name!: !wrong! (!bytes! bytes sent)
exit /b 0

:no_m4flash
set "wrong=!name! was copied, but the board has no m4flash that could tell what became of it."
set "hint=Install m4flash on the board; to have Arduino's own upload back, delete platform.local.txt in the core's folder."
set "status=2"
goto die

:disconnected
set "wrong=!name! was copied, but the connection to the board ended before the outcome was known."
set "hint=See that the board is still connected, then ask it: adb shell m4flash history"
set "status=2"
goto die

:die
>&2 echo !wrong!
>&2 echo   !hint!
exit /b !status!

:usage
>&2 echo usage: %~nx0 ADB SKETCH.elf [SERIAL...]
exit /b 2

rem ---- :device SERIAL STATE
:device
if "%~1"=="List" exit /b
if not "%~2"=="device" set "other=%~2"
if not "%~2"=="device" exit /b
set /a count+=1
set "boards=!boards!%~1 "
set "last=%~1"
if not "!ports: %~1 =!"=="!ports!" set "serial=%~1"
exit /b

rem ---- :digest_line, one of certutil's: the digest is the one of 64 digits. Old versions put blanks
rem between the bytes.
:digest_line
set "line=!line: =!"
if not "!line::=!"=="!line!" exit /b
if not "!line:~63,1!"=="" if "!line:~64,1!"=="" set "sha256=!line!"
exit /b

rem ---- :push_line, one of adb push's; adb's errors are told before its summary
:push_line
if not "!answer:~0,11!"=="adb: error:" set "answer=!line!"
exit /b

rem ---- :line, one of m4flash's: its status; a problem of its own; a hint; "Job N: RESULT: TEXT"
:line
if "!line:~0,16!"=="m4flash-status: " goto line_status
if "!line:~0,9!"=="m4flash: " goto line_m4flash
if "!line:~0,2!"=="  " goto line_hint
set "wrong=!line:*: =!"
exit /b
:line_status
set "status=!line:~16!"
exit /b
:line_m4flash
if "!line: id=!"=="!line!" set "wrong=!line:~9!"
exit /b
:line_hint
set "hint=!line:~2!"
exit /b
